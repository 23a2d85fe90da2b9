"""Packs in an engine: read from their folder when a row first needs them, those used longest ago dropped for others."""

import hashlib
from collections import OrderedDict
from collections.abc import Collection
from typing import Final

from bitfit_runtime import Engine, Pack
from bitfit_runtime.errors import InputError, PackError
from bitfit_runtime.formats.pack_file import parse_pack
from bitfit_runtime.memory import Stored
from bitfit_toolkit.bulk.plan import PACK_ENDING, BulkPlan
from bitfit_toolkit.errors import FleetError
from bitfit_toolkit.places import joined, read_place

FREE: Final = 256_000_000  # bytes of packs where no limit is given
SHARE: Final = 4  # at least a fourth of what a limit leaves beside the base is for packs


class Shelf:
    """The packs of a plan in one engine. `broken` has the reason of each that cannot be used."""

    def __init__(self, engine: Engine, plan: BulkPlan, limit: int | None) -> None:
        self._engine, self._plan = engine, plan
        memory = engine.memory
        spare = FREE if limit is None else max(limit - memory.total, (limit - memory.base) // SHARE)
        self._most = spare
        self._held: OrderedDict[str, int] = OrderedDict()
        self.broken: dict[str, str] = {}
        self.read = 0

    def hold(self, tasks: Collection[str], pinned: Collection[str]) -> bool:
        """Install the packs of some tasks and keep those that are pinned; return whether there was room.

        Raises InputError where there is no room even with nothing pinned, FleetError where a pack has changed.
        """
        for task in tasks:
            if task in self._held:
                self._held.move_to_end(task)
            elif task not in self.broken and not self._install(task, {*tasks, *pinned}):
                if pinned:
                    return False
                raise InputError(
                    f"the packs of one row ({', '.join(tasks)}) do not fit within `memory_limit`; raise it"
                )
        return True

    def _install(self, task: str, kept: Collection[str]) -> bool:
        try:
            pack = self._read(task)
        except PackError as error:
            self.broken[task] = str(error)
            return True
        size = Stored.of([pack]).bytes
        while not self._fits(task, pack, size):
            oldest = next((name for name in self._held if name not in kept), None)
            if oldest is None:
                return False
            del self._held[oldest]
            self._engine.remove(oldest)
        return True

    def _fits(self, task: str, pack: Pack, size: int) -> bool:
        if self._held and sum(self._held.values()) + size > self._most:
            return False
        try:
            self._engine.install(task, pack)
        except PackError as error:
            self.broken[task] = str(error)
            return True
        except InputError:  # beyond the engine's own limit
            return False
        self._held[task] = size
        return True

    def _read(self, task: str) -> Pack:
        place = joined(self._plan.folder, task + PACK_ENDING)
        data = read_place(place)
        if data is None or hashlib.sha256(data).hexdigest() != self._plan.packs[task]:
            raise FleetError(f"{place} has changed since the work began; begin anew with another output")
        self.read += 1
        return parse_pack(data, task + PACK_ENDING)
