"""Which releases of one task a device holds, and which of them answers. Pure: the store reads and writes it."""

import json
from dataclasses import asdict, dataclass, replace
from typing import Final

from bitfit_runtime.errors import StoreError
from bitfit_runtime.formats.json_fields import Fields, read_document
from bitfit_runtime.updates.schema import SHA256, UPDATE_LIMITS, Release

FORMAT: Final = "bitfit-pointer"
SCHEMA: Final = 1


@dataclass(frozen=True, slots=True)
class StoredRelease:
    """A release whose pack lies in the store, under its SHA-256 in hexadecimal."""

    release: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Slots:
    """The two slots of a task, `active` and the one before it, and what was fetched and is not active yet.

    Releases up to `rejected` are not taken from the network: one of them was bad, or was gone back from.
    """

    active: StoredRelease | None = None
    previous: StoredRelease | None = None
    staged: StoredRelease | None = None
    rejected: int = 0

    @property
    def held(self) -> tuple[StoredRelease, ...]:
        """Every release whose pack the store should keep."""
        return tuple(held for held in (self.active, self.previous, self.staged) if held is not None)

    @property
    def newest(self) -> int:
        """The largest release number that this device is known to have seen; 0 when it has seen none."""
        return max(self.rejected, *(held.release for held in self.held), 0)

    def wants(self, release: Release) -> bool:
        """Whether a release would be an update."""
        return release.number > max(self.rejected, self.active.release if self.active else 0)

    def stage(self, held: StoredRelease) -> "Slots":
        """Record that a release was fetched."""
        return replace(self, staged=held)

    def activate(self) -> "Slots":
        """Make the staged release the active one, and the active one the previous."""
        return replace(self, active=self.staged, previous=self.active or self.previous, staged=None)

    def reject(self) -> "Slots":
        """Drop the staged release, for good."""
        assert self.staged is not None
        return replace(self, staged=None, rejected=max(self.rejected, self.staged.release))

    def go_back(self) -> "Slots":
        """Make the previous release the active one, and reject the active one for good."""
        assert self.active is not None
        return replace(self, active=self.previous, previous=None, rejected=max(self.rejected, self.active.release))

    def lose(self) -> "Slots":
        """Make the previous release the active one, whose pack was damaged; it may be fetched again."""
        return replace(self, active=self.previous, previous=None)

    def to_json(self) -> bytes:
        """Return the text of the file; `parse_slots` is its inverse."""
        document = {name: value for name, value in asdict(self).items() if value is not None}
        return json.dumps({"format": FORMAT, "schema_version": SCHEMA} | document).encode()


def parse_slots(data: bytes, where: str) -> Slots:
    """Read what `to_json` wrote. Raises StoreError on anything else."""
    fields = read_document(data, where, _damaged, FORMAT, SCHEMA)
    active, previous, staged = (_held(fields, name) for name in ("active", "previous", "staged"))
    pointer = Slots(active, previous, staged, fields.get("rejected", int))
    if pointer.rejected < 0 or not all(_is_sound(held) for held in pointer.held):
        raise _damaged(f"{where}: a release should be a number from 1 on with a SHA-256")
    return pointer


def _damaged(message: str) -> StoreError:
    return StoreError(f"{message}; restore it from a copy, or move this one file away and update again")


def _held(fields: Fields, name: str) -> StoredRelease | None:
    if fields.optional(name, dict) is None:
        return None
    inner = fields.nested(name)
    return StoredRelease(inner.get("release", int), inner.get("sha256", str))


def _is_sound(held: StoredRelease) -> bool:
    return 1 <= held.release <= UPDATE_LIMITS.release and SHA256.fullmatch(held.sha256) is not None
