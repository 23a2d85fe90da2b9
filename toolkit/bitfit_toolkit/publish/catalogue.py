"""Catalogue of what is published, and its layout over signed roles: one flat list of targets, or hash bins. Pure."""

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from securesystemslib.signer import Key
from tuf.api.metadata import Delegations, SuccinctRoles, TargetFile, Targets

from bitfit_runtime.formats import Fields
from bitfit_runtime.updates.schema import BASES_FIELD, BIN_PREFIX, UPDATE_LIMITS, WITHDRAWN_FIELD, Release, base_folder
from bitfit_toolkit.errors import PublishError, RepositoryError

# A flat list is fetched whole when one task changes: beyond so many tasks that costs more than a bin and its snapshot.
FLAT_TASKS: Final = 32
# 128 bins serve some 2,000 tasks. Then each doubling of the tasks takes one bit more.
MIN_BITS: Final = 7
TASKS_PER_BIN: Final = 16


@dataclass(frozen=True)
class Catalogue:
    """The newest releases by target path, the last release numbers of withdrawn tasks, and the bases by folder."""

    releases: Mapping[str, Release] = field(default_factory=dict)
    withdrawn: Mapping[str, int] = field(default_factory=dict)
    bases: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, roles: Iterable[Targets]) -> "Catalogue":
        """Join what the roles list. Raises RepositoryError, UntrustedUpdateError."""
        releases: dict[str, Release] = {}
        withdrawn: dict[str, int] = {}
        bases: dict[str, str] = {}
        for role in roles:
            fields = Fields(_FIELDS | role.unrecognized_fields, "signed targets", RepositoryError)
            bases |= fields.mapping(BASES_FIELD, str)
            withdrawn |= fields.mapping(WITHDRAWN_FIELD, int)
            releases |= {path: _release(path, target, bases) for path, target in role.targets.items()}
        return cls(releases, withdrawn, bases)

    def last_number(self, path: str) -> int:
        """Return the last release number of a task, published or withdrawn; 0 when there was none."""
        return self.releases[path].number if path in self.releases else self.withdrawn.get(path, 0)

    def add(self, release: Release) -> "Catalogue":
        """Return the catalogue with a newer release. Raises PublishError when it is not newer."""
        path, folder = release.path, base_folder(release.base)
        last = self.last_number(path)
        if not last < release.number <= UPDATE_LIMITS.release:
            raise PublishError(
                f"task {release.task!r} cannot be published as release {release.number}: its last release was {last}, "
                "and devices never accept an older one; leave out `release`, or use a larger number"
            )
        if self.bases.get(folder, release.base) != release.base:
            raise PublishError(
                f"the folder {folder} belongs to another base; publish packs of {release.base} in another repository"
            )
        withdrawn = {other: number for other, number in self.withdrawn.items() if other != path}
        return Catalogue({**self.releases, path: release}, withdrawn, {**self.bases, folder: release.base})

    def withdraw(self, path: str) -> "Catalogue":
        """Return the catalogue without a task. Raises PublishError when it is not published."""
        if path not in self.releases:
            raise PublishError(f"no task {path!r} is published; 'bitfit publish status' lists what is")
        releases = {other: release for other, release in self.releases.items() if other != path}
        withdrawn = {**self.withdrawn, path: self.last_number(path)}
        return dataclasses.replace(self, releases=releases, withdrawn=withdrawn)

    def arrange(self, key: Key, bits: int) -> dict[str, Targets]:
        """Return the roles that list everything: `targets` alone, or 2^`bits` bins that `key` signs and `targets` last.

        Versions and expiry are left to the signer.
        """
        if not bits:
            return {Targets.type: _targets(self)}
        bins = SuccinctRoles([key.keyid], 1, bits, BIN_PREFIX)
        parts: dict[str, list[str]] = defaultdict(list)
        for path in sorted({*self.releases, *self.withdrawn}):
            parts[bins.get_role_for_target(path)].append(path)
        roles = {name: _targets(self._part(parts[name])) for name in bins.get_roles()}
        roles[Targets.type] = Targets(delegations=Delegations({key.keyid: key}, succinct_roles=bins))
        return roles

    def bits(self) -> int:
        """Return the number of bits of hash bins that so many tasks should have; 0 for a flat list."""
        tasks = len(self.releases) + len(self.withdrawn)
        return 0 if tasks <= FLAT_TASKS else max(MIN_BITS, (tasks // TASKS_PER_BIN).bit_length())

    def _part(self, paths: Iterable[str]) -> "Catalogue":
        releases = {path: self.releases[path] for path in paths if path in self.releases}
        withdrawn = {path: self.withdrawn[path] for path in paths if path in self.withdrawn}
        folders = {_split(path)[0] for path in releases}
        return Catalogue(releases, withdrawn, {folder: self.bases[folder] for folder in folders})


_FIELDS: Final[dict[str, Any]] = {BASES_FIELD: {}, WITHDRAWN_FIELD: {}}


def bits_of(targets: Targets) -> int:
    """Return the number of bits of the hash bins that a top-level role delegates to; 0 for a flat list."""
    bins = targets.delegations.succinct_roles if targets.delegations else None
    return bins.bit_length if bins else 0


def _targets(catalogue: Catalogue) -> Targets:
    targets = {
        path: TargetFile(release.size, {"sha256": release.sha256}, path, {"custom": release.to_custom()})
        for path, release in catalogue.releases.items()
    }
    extra = {BASES_FIELD: dict(catalogue.bases), WITHDRAWN_FIELD: dict(catalogue.withdrawn)}
    return Targets(targets=targets, unrecognized_fields={name: value for name, value in extra.items() if value})


def _release(path: str, target: TargetFile, bases: Mapping[str, str]) -> Release:
    folder, task = _split(path)
    if folder not in bases:
        raise RepositoryError(f"signed targets list {path!r} but no base {folder!r}; restore the folder from a backup")
    release = Release.from_target(bases[folder], task, target.length, target.hashes, target.custom)
    if release.path != path:
        raise RepositoryError(f"signed targets list {path!r}, not the path of a task; restore the folder from a backup")
    return release


def _split(path: str) -> tuple[str, str]:
    folder, _, name = path.partition("/")
    return folder, name.removesuffix(".safetensors")
