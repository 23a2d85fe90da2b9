"""The packs that were used last, decoded; all others stay as small as their files."""

import threading
from collections import OrderedDict
from collections.abc import Collection

from bitfit_runtime.base import Base
from bitfit_runtime.pack import Pack
from bitfit_runtime.resident import Resident


class DecodedPacks:
    """Decodes packs of one base and remembers those used last, never more than `limit` bytes of them.

    All methods may be called from several threads. Two that miss the same pack at once both decode it.
    """

    def __init__(self, base: Base, limit: int) -> None:
        self._base, self._limit = base, limit
        self._changing = threading.Lock()
        self._used: OrderedDict[Pack, Resident] = OrderedDict()  # the pack used last is at the end
        self._bytes = 0

    @property
    def nbytes(self) -> int:
        """Bytes of the numbers that are remembered."""
        return self._bytes

    def empty(self) -> "DecodedPacks":
        """Return another of the same base and bound, which remembers nothing yet."""
        return DecodedPacks(self._base, self._limit)

    def get(self, pack: Pack) -> Resident:
        """Return the pack in the graph's shapes, decoded now unless it is remembered.

        Raises PackMismatchError, PackFormatError.
        """
        with self._changing:
            if pack in self._used:
                self._used.move_to_end(pack)
                return self._used[pack]
        resident = Resident.from_pack(pack, self._base)
        with self._changing:
            if pack not in self._used and resident.nbytes <= self._limit:
                while self._bytes + resident.nbytes > self._limit:
                    self._bytes -= self._used.popitem(last=False)[1].nbytes
                self._used[pack] = resident
                self._bytes += resident.nbytes
        return resident

    def keep(self, packs: Collection[Pack]) -> None:
        """Drop all other packs: those that were replaced, also where a running request decoded one again since."""
        with self._changing:
            for pack in self._used.keys() - set(packs):
                self._bytes -= self._used.pop(pack).nbytes
