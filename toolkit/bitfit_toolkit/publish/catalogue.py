"""What is published, and how it is spread over signed roles: one flat list of targets, or hash bins. Pure."""

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from securesystemslib.signer import Key
from tuf.api.metadata import Delegations, SuccinctRoles, TargetFile, Targets

from bitfit_runtime.formats.json_fields import Fields
from bitfit_runtime.updates.schema import BASES_FIELD, BIN_PREFIX, REMOVED_FIELD, UPDATE_LIMITS, Release, base_folder
from bitfit_toolkit.errors import PublishError, RepositoryError

# A flat list is fetched whole when one task changes: past so many tasks that costs more than a bin and its snapshot.
FLAT_TASKS: Final = 32
# 128 bins serve some 2,000 tasks. Then every doubling of the tasks takes one bit more.
LEAST_BITS: Final = 7
TASKS_A_BIN: Final = 16


@dataclass(frozen=True)
class Catalogue:
    """The newest releases by target path, the last release of each task that was taken back, the bases by folder."""

    releases: Mapping[str, Release] = field(default_factory=dict)
    removed: Mapping[str, int] = field(default_factory=dict)
    bases: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, roles: Iterable[Targets]) -> "Catalogue":
        """Join what the roles list. Raises RepositoryError, UntrustedUpdateError."""
        releases: dict[str, Release] = {}
        removed: dict[str, int] = {}
        bases: dict[str, str] = {}
        for role in roles:
            fields = Fields(_FIELDS | role.unrecognized_fields, "signed targets", RepositoryError)
            bases |= fields.mapping(BASES_FIELD, str)
            removed |= fields.mapping(REMOVED_FIELD, int)
            releases |= {path: _release(path, target, bases) for path, target in role.targets.items()}
        return cls(releases, removed, bases)

    def last(self, path: str) -> int:
        """The last release number of a task, published or taken back; 0 when there was none."""
        return self.releases[path].number if path in self.releases else self.removed.get(path, 0)

    def add(self, release: Release) -> "Catalogue":
        """Return the catalogue with a newer release. Raises PublishError when it is none."""
        path, folder = release.path, base_folder(release.base)
        last = self.last(path)
        if not last < release.number <= UPDATE_LIMITS.release:
            raise PublishError(
                f"task {release.task!r} cannot be published as release {release.number}: its last one was {last}, and "
                "devices never go back; leave --release out, or give a larger number"
            )
        if self.bases.get(folder, release.base) != release.base:
            raise PublishError(
                f"the folder {folder} is another base's; publish packs of {release.base} in a repository of their own"
            )
        removed = {other: number for other, number in self.removed.items() if other != path}
        return Catalogue({**self.releases, path: release}, removed, {**self.bases, folder: release.base})

    def remove(self, path: str) -> "Catalogue":
        """Return the catalogue without a task. Raises PublishError when it is not there."""
        if path not in self.releases:
            raise PublishError(f"no task {path!r} is published; 'bitfit publish status' lists what is")
        releases = {other: release for other, release in self.releases.items() if other != path}
        return dataclasses.replace(self, releases=releases, removed={**self.removed, path: self.last(path)})

    def arrange(self, key: Key, bits: int) -> dict[str, Targets]:
        """Spread over roles, bins first: `targets` alone, or `targets` and 2^`bits` bins that `key` signs.

        Versions and expiry are the signer's to set.
        """
        if not bits:
            return {Targets.type: _targets(self)}
        bins = SuccinctRoles([key.keyid], 1, bits, BIN_PREFIX)
        parts: dict[str, list[str]] = defaultdict(list)
        for path in sorted({*self.releases, *self.removed}):
            parts[bins.get_role_for_target(path)].append(path)
        roles = {name: _targets(self._part(parts[name])) for name in bins.get_roles()}
        roles[Targets.type] = Targets(delegations=Delegations({key.keyid: key}, succinct_roles=bins))
        return roles

    def bits(self) -> int:
        """How many bits of bins so many tasks should have; 0 for a flat list."""
        tasks = len(self.releases) + len(self.removed)
        return 0 if tasks <= FLAT_TASKS else max(LEAST_BITS, (tasks // TASKS_A_BIN).bit_length())

    def _part(self, paths: Iterable[str]) -> "Catalogue":
        releases = {path: self.releases[path] for path in paths if path in self.releases}
        removed = {path: self.removed[path] for path in paths if path in self.removed}
        folders = {_split(path)[0] for path in releases}
        return Catalogue(releases, removed, {folder: self.bases[folder] for folder in folders})


_FIELDS: Final[dict[str, Any]] = {BASES_FIELD: {}, REMOVED_FIELD: {}}


def bits_of(targets: Targets) -> int:
    """How many bits of bins a committed top-level role delegates to; 0 for a flat list."""
    bins = targets.delegations.succinct_roles if targets.delegations else None
    return bins.bit_length if bins else 0


def _targets(catalogue: Catalogue) -> Targets:
    targets = {
        path: TargetFile(release.size, {"sha256": release.sha256}, path, {"custom": release.to_custom()})
        for path, release in catalogue.releases.items()
    }
    extra = {BASES_FIELD: dict(catalogue.bases), REMOVED_FIELD: dict(catalogue.removed)}
    return Targets(targets=targets, unrecognized_fields={name: value for name, value in extra.items() if value})


def _release(path: str, target: TargetFile, bases: Mapping[str, str]) -> Release:
    folder, task = _split(path)
    if folder not in bases:
        raise RepositoryError(f"signed targets list {path!r} but no base {folder!r}; no publisher wrote them")
    release = Release.from_target(bases[folder], task, target.length, target.hashes, target.custom)
    if release.path != path:
        raise RepositoryError(f"signed targets list {path!r}, which is no path of a task; no publisher wrote them")
    return release


def _split(path: str) -> tuple[str, str]:
    folder, _, name = path.partition("/")
    return folder, name.removesuffix(".safetensors")
