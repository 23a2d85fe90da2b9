"""Results of checks and updates, and the status of a device."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from bitfit_runtime.errors import BitfitError, UnpublishedError, WithdrawnError
from bitfit_runtime.updates.schema import Release
from bitfit_runtime.updates.slots import Slots, StoredRelease


@dataclass(frozen=True, slots=True)
class TaskStatus:
    """Release numbers of one task: of the active pack, the previous one, and one that was fetched and not activated.

    None where there is none. Releases up to `rejected` failed here or were rolled back, and are not accepted again;
    nothing below `version_floor` is accepted either. `problem` is why the store knows no more than the version floor.
    """

    task: str
    active: int | None
    previous: int | None
    staged: int | None
    rejected: int
    version_floor: int
    problem: BitfitError | None

    @classmethod
    def of(cls, task: str, slots: Slots, version_floor: int, problem: BitfitError | None = None) -> "TaskStatus":
        """Describe a task by its slots and the version floor that the store remembers."""
        active, previous, staged = map(_number, (slots.active, slots.previous, slots.staged))
        return cls(task, active, previous, staged, slots.rejected, max(version_floor, slots.newest), problem)


@dataclass(frozen=True, slots=True)
class Status:
    """Status of all tasks, and when the signed metadata expire or expired: None before the first check."""

    tasks: tuple[TaskStatus, ...]
    expires: datetime | None
    expired: bool

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON: the time in ISO 8601, problems as their messages."""
        tasks = [asdict(task) | {"problem": task.problem and str(task.problem)} for task in self.tasks]
        return {"tasks": tasks, "expires": self.expires and self.expires.isoformat(), "expired": self.expired}


@dataclass(frozen=True, slots=True)
class UpdateCheck:
    """What a check found: updates for this device, tasks that the publisher withdrew, and tasks that it never had.

    A task that is `unpublished` has no active pack here either: perhaps its name is misspelled. `refused` says why
    nothing is accepted for a task: RollbackError, UntrustedUpdateError, StoreError. What was active stays active.
    """

    releases: tuple[Release, ...]
    withdrawn: tuple[str, ...]
    unpublished: tuple[str, ...]
    refused: Mapping[str, BitfitError]

    @property
    def problems(self) -> Mapping[str, BitfitError]:
        """What stands in the way of each task that is refused, withdrawn or unpublished."""
        withdrawn = {
            task: WithdrawnError(
                "it was withdrawn by its publisher, what is active goes on answering; leave it out of the tasks, or "
                "publish it again"
            )
            for task in self.withdrawn
        }
        unpublished = {
            task: UnpublishedError("it is not published for this base; correct its name, or publish it")
            for task in self.unpublished
        }
        return {**self.refused, **withdrawn, **unpublished}

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON, errors as their messages."""
        return asdict(self) | {"refused": {task: str(error) for task, error in self.refused.items()}}


@dataclass(frozen=True, slots=True)
class UpdateResult:
    """Result of one task's update: `release` is active, or `error` says why what was active stays active.

    `release` is None where the task was refused before one was chosen, was withdrawn, or never published.
    """

    task: str
    release: Release | None
    error: BitfitError | None

    @property
    def active(self) -> bool:
        """Whether the release is the one that answers now."""
        return self.error is None


def _number(release: StoredRelease | None) -> int | None:
    return None if release is None else release.number
