"""Cache of decoded packs: those used last; all others stay as small as their files."""

import threading
from collections import OrderedDict
from collections.abc import Collection, Mapping
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


class PackCache:
    """Decodes packs of one base and keeps those used last, at most `limit` bytes of them.

    All methods may be called from several threads. Two threads that miss the same pack at once both decode it.
    """

    def __init__(self, base: Base, limit: int) -> None:
        self._base, self._limit = base, limit
        self._changing = threading.Lock()
        self._used: OrderedDict[Pack, DecodedPack] = OrderedDict()  # the pack used last is at the end
        self._bytes = 0

    @property
    def nbytes(self) -> int:
        """Bytes of the decoded numbers."""
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
                while self._bytes + decoded.nbytes > self._limit:
                    self._bytes -= self._used.popitem(last=False)[1].nbytes
                self._used[pack] = decoded
                self._bytes += decoded.nbytes
        return decoded

    def keep(self, packs: Collection[Pack]) -> None:
        """Drop all other packs: those that were replaced, even if a running request has decoded one again since."""
        with self._changing:
            for pack in self._used.keys() - set(packs):
                self._bytes -= self._used.pop(pack).nbytes
