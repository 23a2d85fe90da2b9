"""Repository on disk: its layout, and its committed state, verified from the publisher's own first root."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from tuf.api.exceptions import RepositoryError as TufError
from tuf.api.metadata import Metadata, Root, Snapshot, T, Targets, Timestamp

from bitfit_runtime.updates.schema import METADATA_FOLDER, PACKS_FOLDER, Release
from bitfit_toolkit.errors import RepositoryError
from bitfit_toolkit.publish.catalogue import Catalogue, bits_of


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths of files, as The Update Framework names them under consistent snapshots."""

    folder: Path

    @property
    def metadata(self) -> Path:
        """The folder of signed metadata."""
        return self.folder / METADATA_FOLDER

    @property
    def packs(self) -> Path:
        """The folder of packs, by base."""
        return self.folder / PACKS_FOLDER

    @property
    def timestamp(self) -> Path:
        """The file whose replacement is a publication."""
        return self.metadata / f"{Timestamp.type}.json"

    def role(self, name: str, version: int) -> Path:
        """Return the path of one version of a role; only the timestamp has no version in its name."""
        return self.timestamp if name == Timestamp.type else self.metadata / f"{version}.{name}.json"

    def pack(self, release: Release) -> Path:
        """Return the path of a release's pack."""
        return self.packs / release.file_path


@dataclass(frozen=True)
class State:
    """One committed state: all roots from the first on, and by role its version, expiry and, of targets, content."""

    roots: tuple[Root, ...]
    versions: Mapping[str, int] = field(default_factory=dict)
    expires: Mapping[str, datetime] = field(default_factory=dict)
    targets: Mapping[str, Targets] = field(default_factory=dict)

    @property
    def root(self) -> Root:
        """The newest root."""
        return self.roots[-1]

    @property
    def catalogue(self) -> Catalogue:
        """What is published."""
        return Catalogue.read(self.targets.values())

    @property
    def bits(self) -> int:
        """Number of bits of the hash bins, 0 for a flat list."""
        return bits_of(self.targets[Targets.type]) if self.targets else 0

    def files(self, layout: Layout) -> Iterator[Path]:
        """Yield every file that a reader of this state may still request, except roots and the timestamp."""
        yield layout.role(Snapshot.type, self.versions[Snapshot.type])
        yield from (layout.role(name, self.versions[name]) for name in self.targets)
        yield from (layout.pack(release) for release in self.catalogue.releases.values())


def read_state(layout: Layout, first_root: bytes, former_keys: bool = False) -> State:
    """Read what is committed. Expired metadata are accepted: they only need to be signed again.

    `former_keys` also accepts signatures that the previous root allowed, as when the replacement of a lost key was
    interrupted. Raises RepositoryError, UntrustedUpdateError.
    """
    roots = _read_roots(layout, first_root)
    trusted = roots[-2:] if former_keys else roots[-1:]
    timestamp = _read(layout.timestamp, Timestamp, Timestamp.type, trusted)
    version = timestamp.snapshot_meta.version
    snapshot = _read(layout.role(Snapshot.type, version), Snapshot, Snapshot.type, trusted, version)
    versions = {name.removesuffix(".json"): meta.version for name, meta in snapshot.meta.items()}

    def read_targets(name: str, delegators: Sequence[Root | Targets]) -> Targets:
        return _read(layout.role(name, versions[name]), Targets, name, delegators, versions[name])

    top = read_targets(Targets.type, trusted)
    bins = top.delegations.succinct_roles if top.delegations else None
    targets = {Targets.type: top} | {name: read_targets(name, (top,)) for name in (bins.get_roles() if bins else ())}
    expires = {name: role.expires for name, role in targets.items()}
    expires |= {Root.type: roots[-1].expires, Snapshot.type: snapshot.expires, Timestamp.type: timestamp.expires}
    versions |= {Root.type: roots[-1].version, Snapshot.type: snapshot.version, Timestamp.type: timestamp.version}
    return State(roots, versions, expires, targets)


def read_root(data: bytes, path: Path) -> Root:
    """Read a root that its own keys signed. Raises RepositoryError."""
    return _parse(data, path, Root).signed


def _read_roots(layout: Layout, first_root: bytes) -> tuple[Root, ...]:
    roots = [read_root(first_root, layout.role(Root.type, 1))]
    while (path := layout.role(Root.type, roots[-1].version + 1)).exists():
        roots.append(_read(path, Root, Root.type, roots[-1:], roots[-1].version + 1))
    return tuple(roots)


def _read(path: Path, kind: type[T], role: str, delegators: Sequence[Root | Targets], version: int | None = None) -> T:
    """Read metadata that the keys of one of the delegators signed."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise RepositoryError(
            f"{path} is missing; create a repository with 'bitfit publish init', or restore the folder from a backup"
        ) from None
    metadata = _parse(data, path, kind)
    _check(metadata, path, role, delegators)
    if version not in (None, metadata.signed.version):
        raise _untrusted(path, f"it is version {metadata.signed.version}")
    return metadata.signed


def _parse(data: bytes, path: Path, kind: type[T]) -> Metadata[T]:
    try:
        metadata = Metadata[T].from_bytes(data)
    except TufError as error:
        raise _untrusted(path, str(error)) from None
    if not isinstance(metadata.signed, kind):
        raise _untrusted(path, f"it is {metadata.signed.type} metadata")
    if isinstance(metadata.signed, Root):
        _check(metadata, path, Root.type, (metadata.signed,))
    return metadata


def _check(metadata: Metadata[T], path: Path, role: str, delegators: Sequence[Root | Targets]) -> None:
    try:
        payload, signatures = metadata.signed_bytes, metadata.signatures
        allowed = any(delegator.get_verification_result(role, payload, signatures) for delegator in delegators)
    except (TufError, ValueError) as error:
        raise _untrusted(path, str(error)) from None
    if not allowed:
        raise _untrusted(path, "the keys that should have signed it did not")


def _untrusted(path: Path, reason: str) -> RepositoryError:
    return RepositoryError(f"{path} cannot be trusted ({reason}); restore the folder from a backup")
