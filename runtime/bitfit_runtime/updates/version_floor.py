"""Version floor: the lowest versions that a device accepts from the network. Pure: the store does the I/O.

The Update Framework's client remembers versions in the metadata that it caches, and forgets them with a file that is
emptied. The version floor is kept apart and survives a loss of power, so nothing older comes back even then. It rises
only by what the targets key and the root keys signed: whoever steals the timestamp key cannot raise it.
"""

import json
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from typing import Final

from bitfit_runtime.errors import RollbackError, StoreError
from bitfit_runtime.formats import read_document

FORMAT: Final = "bitfit-floor"
SCHEMA: Final = 1


@dataclass(frozen=True, slots=True)
class VersionFloor:
    """The lowest version of the root, and the lowest release number of each target path. They only rise."""

    root: int = 0
    releases: Mapping[str, int] = field(default_factory=dict)

    def check_root(self, version: int) -> None:
        """Raise RollbackError for a root that is older than one seen before."""
        if version < self.root:
            raise RollbackError(
                f"the server shows version {version} of the root, this device has seen version {self.root}; nothing "
                "was updated: publish every version of the root, or find out who is withholding them"
            )

    def check_release(self, path: str, number: int) -> None:
        """Raise RollbackError for a release that is older than one seen before."""
        lowest = self.releases.get(path, 0)
        if number < lowest:
            raise RollbackError(
                f"the server shows release {number} of {path}, this device accepts {lowest} or later; it was refused: "
                "publish the task with a larger number, or find out who is replaying an old repository"
            )

    def raised(self, root: int, releases: Mapping[str, int]) -> "VersionFloor":
        """Return a floor that is nowhere lower than this one or than what is given."""
        paths = {*self.releases, *releases}
        highest = {path: max(self.releases.get(path, 0), releases.get(path, 0)) for path in sorted(paths)}
        return VersionFloor(max(self.root, root), highest)

    def of_bases(self, folders: Container[str]) -> "VersionFloor":
        """Return the floor without the releases of bases whose folder is not among `folders`."""
        kept = {path: number for path, number in self.releases.items() if path.partition("/")[0] in folders}
        return VersionFloor(self.root, kept)

    def to_json(self) -> bytes:
        """Return the text of the file; `parse_version_floor` is its inverse."""
        document = {"format": FORMAT, "schema_version": SCHEMA, "root": self.root, "releases": dict(self.releases)}
        return json.dumps(document).encode()


def parse_version_floor(data: bytes, where: str) -> VersionFloor:
    """Read what `to_json` wrote. Raises StoreError on anything else."""
    fields = read_document(data, where, _damaged, FORMAT, SCHEMA)
    floor = VersionFloor(fields.get("root", int), fields.mapping("releases", int))
    if any(version < 0 for version in (floor.root, *floor.releases.values())):
        raise _damaged(f"{where}: a version should not be negative")
    return floor


def _damaged(message: str) -> StoreError:
    return StoreError(f"{message}; restore it from a backup: without it older releases of withdrawn tasks could return")
