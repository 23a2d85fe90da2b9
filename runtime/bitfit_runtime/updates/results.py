"""What a device says about its updates."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from bitfit_runtime.errors import BitfitError
from bitfit_runtime.updates.schema import Release
from bitfit_runtime.updates.slots import Slots, StoredRelease


@dataclass(frozen=True, slots=True)
class TaskStatus:
    """Release numbers of one task: of the pack that answers, of the one before, of one that was fetched and waits.

    None where there is none. Releases up to `rejected` failed here or were gone back from, and are not taken again;
    nothing below `floor` is taken either. `problem` is why the store cannot say more than the floor.
    """

    task: str
    active: int | None
    previous: int | None
    staged: int | None
    rejected: int
    floor: int
    problem: BitfitError | None

    @classmethod
    def of(cls, task: str, pointer: Slots, floor: int, problem: BitfitError | None = None) -> "TaskStatus":
        """Describe a task by its pointer and the floor that the store remembers."""
        active, previous, staged = map(_number, (pointer.active, pointer.previous, pointer.staged))
        return cls(task, active, previous, staged, pointer.rejected, max(floor, pointer.newest), problem)


@dataclass(frozen=True, slots=True)
class Status:
    """The tasks, and when the signed metadata expire or expired: `expires` is None before the first check."""

    tasks: tuple[TaskStatus, ...]
    expires: datetime | None
    expired: bool

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON: the time in ISO 8601, problems as their messages."""
        tasks = [asdict(one) | {"problem": one.problem and str(one.problem)} for one in self.tasks]
        return {"tasks": tasks, "expires": self.expires and self.expires.isoformat(), "expired": self.expired}


@dataclass(frozen=True, slots=True)
class UpdateCheck:
    """What a check found: updates for this device, tasks that the publisher took back, and those it does not have.

    A task that is `missing` has no active pack here either: perhaps its name is mistyped. `refused` says why nothing is
    taken for a task: RollbackError, UntrustedUpdateError, StoreError. What was active still is.
    """

    releases: tuple[Release, ...]
    withdrawn: tuple[str, ...]
    missing: tuple[str, ...]
    refused: Mapping[str, BitfitError]

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON, errors as their messages."""
        return asdict(self) | {"refused": {task: str(error) for task, error in self.refused.items()}}


@dataclass(frozen=True, slots=True)
class UpdateResult:
    """What became of a task's update: `release` is active, or `error` says why not and what was active still is.

    `release` is None where the task was refused before one was chosen.
    """

    task: str
    release: Release | None
    error: BitfitError | None

    @property
    def active(self) -> bool:
        """Whether the release answers now."""
        return self.error is None


def _number(held: StoredRelease | None) -> int | None:
    return None if held is None else held.release
