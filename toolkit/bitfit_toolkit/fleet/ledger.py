"""The ledger: which groups are finished, a file for each, in a folder beside the packs."""

import json
from dataclasses import dataclass
from typing import Final

from bitfit_toolkit.cards.facts import facts_name
from bitfit_toolkit.errors import FleetError
from bitfit_toolkit.fleet.groups import Fleet, Group
from bitfit_toolkit.fleet.work import TrainedGroup
from bitfit_toolkit.places import beside, joined, list_place, read_place, remove_place, write_place

PLAN: Final = "plan.json"


@dataclass(frozen=True, slots=True)
class Ledger:
    """Groups of a fleet that are finished. Their packs were in place before the ledger said so."""

    fleet: Fleet
    finished: frozenset[int]

    @classmethod
    def begin(cls, fleet: Fleet) -> "Ledger":
        """Forget what an earlier run finished, and write the plan. Raises PlaceError."""
        for name in list_place(fleet.ledger):
            remove_place(joined(fleet.ledger, name))
        plan = {
            "digest": fleet.digest,
            "base": fleet.base_digest,
            "threads": fleet.threads,
            "groups": len(fleet.groups),
        }
        write_place(joined(fleet.ledger, PLAN), json.dumps(plan, indent=1).encode())
        return cls(fleet, frozenset())

    @classmethod
    def resume(cls, fleet: Fleet) -> "Ledger":
        """Read what an earlier run of the same plan finished; without one, begin. Raises FleetError, PlaceError."""
        data = read_place(joined(fleet.ledger, PLAN))
        if data is None:
            return cls.begin(fleet)
        if _document(joined(fleet.ledger, PLAN), data).get("digest") != fleet.digest:
            raise FleetError(
                f"the file of tasks, the base or options differ from those that {fleet.ledger} was begun with; restore "
                "them to go on, or leave out --resume to begin anew"
            )
        held = set(list_place(fleet.ledger))
        finished = (group.number for group in fleet.groups if _is_finished(fleet, group, held))
        return cls(fleet, frozenset(finished))

    @property
    def waiting(self) -> tuple[Group, ...]:
        """The groups that are not finished."""
        return tuple(group for group in self.fleet.groups if group.number not in self.finished)

    def finish(self, trained: TrainedGroup) -> "Ledger":
        """Put the packs of a group into place, then say that it is finished, unless one failed. Raises PlaceError."""
        for pack in trained.packs:
            write_place(pack.output, pack.data)
            if pack.facts is not None:
                write_place(beside(pack.output, facts_name(pack.output)), pack.facts)
        if trained.failure is not None:
            return self
        entry = {
            "group": trained.number,
            "seconds": round(trained.seconds, 3),
            "machine": trained.machine,
            "threads": self.fleet.threads,
            "packs": {pack.output: pack.digest for pack in trained.packs},
        }
        write_place(joined(self.fleet.ledger, _name(trained.number)), json.dumps(entry, indent=1).encode())
        return Ledger(self.fleet, self.finished | {trained.number})


def _name(number: int) -> str:
    return f"group-{number:06d}.json"


def _is_finished(fleet: Fleet, group: Group, held: set[str]) -> bool:
    """Whether the ledger has a group, with just the outputs that it should have."""
    place = joined(fleet.ledger, _name(group.number))
    data = read_place(place) if _name(group.number) in held else None
    packs = _document(place, data).get("packs") if data is not None else None
    return isinstance(packs, dict) and packs.keys() == set(group.outputs)


def _document(place: str, data: bytes) -> dict[str, object]:
    try:
        found = json.loads(data)
        if isinstance(found, dict):
            return found
    except ValueError:
        pass
    raise FleetError(f"{place} should hold what was finished, found something else; leave out --resume to begin anew")
