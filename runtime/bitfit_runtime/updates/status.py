"""What a device says about its updates."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from bitfit_runtime.errors import BitfitError
from bitfit_runtime.updates.contract import Release


@dataclass(frozen=True, slots=True)
class TaskStatus:
    """Release numbers of one task: of the pack that answers, of the one before, of one that was fetched and waits.

    None where there is none. Releases up to `rejected` failed here or were gone back from, and are not taken again;
    nothing below `floor` is taken either.
    """

    task: str
    active: int | None
    previous: int | None
    staged: int | None
    rejected: int
    floor: int


@dataclass(frozen=True, slots=True)
class Status:
    """The tasks, and when the signed metadata expire or expired: `expires` is None before the first check."""

    tasks: tuple[TaskStatus, ...]
    expires: datetime | None
    expired: bool

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON, the time in ISO 8601."""
        return asdict(self) | {"expires": None if self.expires is None else self.expires.isoformat()}


@dataclass(frozen=True, slots=True)
class Found:
    """What a check found: updates for this device, tasks that the publisher took back, and those it does not have.

    A task that is `missing` has no active pack here either: perhaps its name is mistyped.
    """

    releases: tuple[Release, ...]
    withdrawn: tuple[str, ...]
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one release: it is active, or `error` says why not and what was active still is."""

    release: Release
    error: BitfitError | None

    @property
    def active(self) -> bool:
        """Whether the release answers now."""
        return self.error is None
