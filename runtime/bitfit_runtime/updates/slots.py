"""Slots of one task: which of its releases a device stores, and which of them answers. Pure: the store does the I/O."""

import json
from dataclasses import dataclass, replace
from typing import Any, Final

from bitfit_runtime.errors import StoreError
from bitfit_runtime.formats import Fields, read_document
from bitfit_runtime.updates.schema import SHA256, UPDATE_LIMITS, Release

FORMAT: Final = "bitfit-pointer"
SCHEMA: Final = 1
FORMER_SCHEMA: Final = 2  # of files that hold the field `former`


@dataclass(frozen=True, slots=True)
class StoredRelease:
    """A release whose pack is in the store, by its SHA-256 in hexadecimal.

    A `former` one is of another repository than the application's root is for now; its number bounds no other.
    """

    number: int
    sha256: str
    former: bool = False

    @property
    def counted(self) -> int:
        """The number that others are compared with."""
        return 0 if self.former else self.number

    @classmethod
    def of(cls, release: Release) -> "StoredRelease":
        """Name a published release as the store does."""
        return cls(release.number, release.sha256)


@dataclass(frozen=True, slots=True)
class Slots:
    """The `active` release of a task, the `previous` one, and a `staged` one that was fetched and is not active yet.

    Releases up to number `rejected` are not accepted again: one of them failed here or was rolled back.
    """

    active: StoredRelease | None = None
    previous: StoredRelease | None = None
    staged: StoredRelease | None = None
    rejected: int = 0

    @property
    def stored(self) -> tuple[StoredRelease, ...]:
        """Every release whose pack the store must keep."""
        return tuple(release for release in (self.active, self.previous, self.staged) if release is not None)

    @property
    def newest(self) -> int:
        """The largest release number that this device is known to have seen; 0 when it has seen none."""
        return max(self.rejected, *(release.counted for release in self.stored), 0)

    def accepts(self, release: Release) -> bool:
        """Whether a release is newer than the active one and than those that were rejected."""
        return release.number > max(self.rejected, self.active.counted if self.active else 0)

    def stage(self, release: StoredRelease) -> "Slots":
        """Record that a release was fetched."""
        return replace(self, staged=release)

    def activate(self) -> "Slots":
        """Make the staged release the active one, and the active one the previous."""
        return replace(self, active=self.staged, previous=self.active or self.previous, staged=None)

    def reject(self) -> "Slots":
        """Drop the staged release for good."""
        assert self.staged is not None
        return replace(self, staged=None, rejected=max(self.rejected, self.staged.number))

    def roll_back(self) -> "Slots":
        """Make the previous release the active one, and reject the active one for good."""
        assert self.active is not None
        return replace(self, active=self.previous, previous=None, rejected=max(self.rejected, self.active.counted))

    def drop_damaged(self) -> "Slots":
        """Make the previous release the active one; the active one, whose pack is damaged, may be fetched again."""
        return replace(self, active=self.previous, previous=None)

    def of_former_repository(self) -> "Slots":
        """Let what is stored answer on, and forget numbers that another repository gave; what is staged is dropped."""
        active, previous = (slot and replace(slot, former=True) for slot in (self.active, self.previous))
        return Slots(active, previous)

    def to_json(self) -> bytes:
        """Return the text of the file; `parse_slots` is its inverse."""
        schema = FORMER_SCHEMA if any(release.former for release in self.stored) else SCHEMA
        document: dict[str, Any] = {"format": FORMAT, "schema_version": schema}
        for slot in ("active", "previous", "staged"):
            stored: StoredRelease | None = getattr(self, slot)
            if stored is not None:
                former = {"former": True} if stored.former else {}
                document[slot] = {"release": stored.number, "sha256": stored.sha256, **former}
        return json.dumps(document | {"rejected": self.rejected}).encode()


def parse_slots(data: bytes, where: str) -> Slots:
    """Read what `to_json` wrote. Raises StoreError on anything else."""
    fields = read_document(data, where, _damaged, FORMAT, SCHEMA, FORMER_SCHEMA)
    active, previous, staged = (_stored_release(fields, name) for name in ("active", "previous", "staged"))
    slots = Slots(active, previous, staged, fields.get("rejected", int))
    if slots.rejected < 0 or not all(_is_valid(release) for release in slots.stored):
        raise _damaged(f"{where}: a release should be a number from 1 on with a SHA-256")
    return slots


def _damaged(message: str) -> StoreError:
    return StoreError(f"{message}; restore it from a backup, or move this one file away and update again")


def _stored_release(fields: Fields, name: str) -> StoredRelease | None:
    if fields.optional(name, dict) is None:
        return None
    inner = fields.nested(name)
    return StoredRelease(inner.get("release", int), inner.get("sha256", str), inner.optional("former", bool) or False)


def _is_valid(release: StoredRelease) -> bool:
    return 1 <= release.number <= UPDATE_LIMITS.release and SHA256.fullmatch(release.sha256) is not None
