"""Cache of decoded packs, those used last, and of stacks of the last batch; all others stay as small as their files."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bitfit_runtime.formats import Base, Pack
from bitfit_runtime.graph import HEAD_BIAS, HEAD_WEIGHT

Float32 = npt.NDArray[np.float32]


class DecodedPack(NamedTuple):
    """A pack in the graph's shapes; empty, it is the bare base.

    `biases` maps graph inputs to float32 `[1, 1, n]`; `head` holds `head.weight [1, hidden, labels]` and
    `head.bias [1, 1, labels]`. `centres` are those of `Pack.centres`, which no graph takes.
    """

    biases: Mapping[str, Float32]
    head: Mapping[str, Float32]
    centres: Float32 | None = None

    @classmethod
    def from_pack(cls, pack: Pack, base: Base) -> "DecodedPack":
        """Decode a pack into the graph's shapes. Raises PackMismatchError, PackFormatError."""
        values = pack.decode(base.manifest, base.default_biases)
        biases = {name: value[None, None] for name, value in values.items() if name not in (HEAD_WEIGHT, HEAD_BIAS)}
        head = (
            {HEAD_WEIGHT: values[HEAD_WEIGHT][None], HEAD_BIAS: values[HEAD_BIAS][None, None]} if pack.has_head else {}
        )
        return cls(biases, head, pack.centres(base.manifest.hidden_size))

    @property
    def nbytes(self) -> int:
        """Bytes of all numbers."""
        of_graph = sum(value.nbytes for part in (self.biases, self.head) for value in part.values())
        return of_graph + (0 if self.centres is None else self.centres.nbytes)


BARE_BASE = DecodedPack({}, {})


class Stack(NamedTuple):
    """What some packs feed together, one row each."""

    packs: tuple[Pack | None, ...]
    feeds: Mapping[str, Float32]

    @property
    def nbytes(self) -> int:
        """Bytes of all numbers."""
        return sum(value.nbytes for value in self.feeds.values())


class PackCache:
    """Decodes packs of one base and keeps those used last, at most `limit` bytes of them.

    Where they leave room, what the last batch of several packs stacked is kept, too: tasks that are asked together are
    often asked together again. All methods may be called from several threads. Two threads that miss the same pack at
    once both decode it.
    """

    def __init__(self, base: Base, limit: int) -> None:
        self._base, self._limit = base, limit
        self._changing = threading.Lock()
        self._used: OrderedDict[Pack, DecodedPack] = OrderedDict()  # the pack used last is at the end
        self._stacks: dict[int, Stack] = {}
        self._bytes = 0

    @property
    def nbytes(self) -> int:
        """Bytes of the decoded numbers, and of stacked ones."""
        return self._bytes

    def empty(self) -> "PackCache":
        """Return an empty cache of the same base and limit."""
        return PackCache(self._base, self._limit)

    def get(self, pack: Pack) -> DecodedPack:
        """Return the pack in the graph's shapes, decoded now unless it is in the cache.

        Raises PackMismatchError, PackFormatError.
        """
        with self._changing:
            if pack in self._used:
                self._used.move_to_end(pack)
                return self._used[pack]
        decoded = DecodedPack.from_pack(pack, self._base)
        with self._changing:
            if pack not in self._used and decoded.nbytes <= self._limit:
                if self._bytes + decoded.nbytes > self._limit:
                    self._drop(*self._stacks)
                while self._bytes + decoded.nbytes > self._limit:
                    self._bytes -= self._used.popitem(last=False)[1].nbytes
                self._used[pack] = decoded
                self._bytes += decoded.nbytes
        return decoded

    def stacked(
        self, place: int, packs: Sequence[Pack | None], stack: Callable[[], Mapping[str, Float32]]
    ) -> Mapping[str, Float32]:
        """Return what `stack` makes of some packs, made now unless it is what was made at that `place` last.

        A place is a part of the graph with rows of its own; its stacks depend on nothing but the packs.
        """
        with self._changing:
            kept = self._stacks.get(place)
            if kept is not None and kept.packs == tuple(packs):
                return kept.feeds
            self._drop(place)  # first, so that both are never held
        made = Stack(tuple(packs), stack())
        with self._changing:
            self._drop(place)  # that of another thread
            if self._bytes + made.nbytes <= self._limit:
                self._stacks[place] = made
                self._bytes += made.nbytes
        return made.feeds

    def _drop(self, *places: int) -> None:
        for place in places:
            if place in self._stacks:
                self._bytes -= self._stacks.pop(place).nbytes

    def keep(self, packs: Collection[Pack]) -> None:
        """Drop all other packs: those that were replaced, even if a running request has decoded one again since."""
        with self._changing:
            self._drop(*self._stacks)
            for pack in self._used.keys() - set(packs):
                self._bytes -= self._used.pop(pack).nbytes
