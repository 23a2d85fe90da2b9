"""Client of The Update Framework: verified metadata and packs, in the store's folder and at the device's time."""

import contextlib
import hashlib
import urllib.parse
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from tuf import ngclient
from tuf.api import exceptions
from tuf.api.metadata import Metadata, Root, Snapshot, Targets, Timestamp

from bitfit_runtime.errors import ExpiredError, InputError, StoreError, UnreachableError, UntrustedUpdateError
from bitfit_runtime.files import list_folder, make_folder, read_file, write_file
from bitfit_runtime.formats import Fields
from bitfit_runtime.updates.fetcher import Fetcher
from bitfit_runtime.updates.schema import (
    BASES_FIELD,
    PACKS_FOLDER,
    UPDATE_LIMITS,
    WITHDRAWN_FIELD,
    Release,
    base_folder,
    count_values,
    target_path,
)
from bitfit_runtime.updates.store import ROOT_HISTORY

Clock = Callable[[], datetime]
LIMITS: Final = ngclient.UpdaterConfig(
    root_max_length=UPDATE_LIMITS.root_bytes,
    timestamp_max_length=UPDATE_LIMITS.timestamp_bytes,
    snapshot_max_length=UPDATE_LIMITS.snapshot_bytes,
    targets_max_length=UPDATE_LIMITS.targets_bytes,
)
MAX_BYTES: Final = {
    Root.type: UPDATE_LIMITS.root_bytes,
    Timestamp.type: UPDATE_LIMITS.timestamp_bytes,
    Snapshot.type: UPDATE_LIMITS.snapshot_bytes,
}
GONE, NOT_FOUND = 410, 404
# Of one file; where the server itself does not answer, nothing else is asked of it.
BIN_ERRORS: Final = (exceptions.RepositoryError, exceptions.DownloadHTTPError, exceptions.DownloadLengthMismatchError)


@dataclass(frozen=True, slots=True)
class Listing:
    """What signed metadata say of a task: its release, None where there is none, and its version floor.

    `lowest` is the lowest release number that a device may accept from now on.
    """

    release: Release | None
    lowest: int


class TrustedClient(ngclient.Updater):
    """One check of the repository.

    Its files survive a loss of power, which may tear those of the client that it extends. It makes no symbolic links,
    which not every file system has: the root comes from the application.
    """

    def __init__(self, folder: Path, url: str, root: bytes, fetcher: Fetcher, now: datetime) -> None:
        """Load the trusted root; nothing is fetched yet. `url` is the metadata's. Raises InputError, StoreError."""
        self._folder, self._failed = folder, dict[str, Exception]()
        with client_errors(folder):
            make_folder(folder)
            make_folder(folder / ROOT_HISTORY)
            try:
                super().__init__(str(folder), url, fetcher=fetcher, config=LIMITS, bootstrap=root)
            except exceptions.RepositoryError as error:
                raise InputError(f"invalid root metadata ({error}); use the publisher's root.json") from None
        self._trusted_set.reference_time = now

    @property
    def root_version(self) -> int:
        """Version of the root that is trusted now."""
        return self._trusted_set.root.version

    def refresh(self) -> None:
        """Bring the metadata up to date.

        Raises ExpiredError, UntrustedUpdateError, UnreachableError, StoreError.
        """
        with client_errors(self._folder):
            super().refresh()

    def load(self, paths: Iterable[str]) -> None:
        """Load the metadata that list these targets, so that `find` needs no server.

        A hash bin that is missing, or is not what was signed, holds up no other: `find` tells of it. Raises what
        `refresh` raises.
        """
        with client_errors(self._folder):
            for path in paths:
                with contextlib.suppress(*BIN_ERRORS):
                    self.get_targetinfo(path)

    def find(self, base: str, task: str) -> Listing:
        """Return what is listed of a task. Raises what `refresh` raises, and InputError."""
        path = target_path(base, task)
        with client_errors(self._folder):
            target = self.get_targetinfo(path)
        roles = [role for role in self._trusted_set if isinstance(role, Targets)]
        lowest = max(_last_withdrawn(role, path) for role in roles) + 1
        if target is None:
            return Listing(None, lowest)
        owner = next(role for role in roles if role.targets.get(path) is target)
        _check_base(owner, base)
        release = Release.from_target(base, task, target.length, target.hashes, target.custom)
        return Listing(release, max(lowest, release.number))

    def _load_targets(self, role: str, parent_role: str) -> Targets:
        """Load a list of targets; a hash bin that failed is not fetched again, for whatever task."""
        if role in self._failed:
            raise self._failed[role]
        try:
            return super()._load_targets(role, parent_role)
        except BIN_ERRORS as error:
            if role != Targets.type:
                self._failed[role] = error
            raise

    def _download_metadata(self, rolename: str, length: int, version: int | None = None) -> bytes:
        """Download metadata within our limits: a length that a stolen key signed may only be smaller."""
        try:
            data = super()._download_metadata(rolename, min(length, _max_bytes(rolename)), version)
        except exceptions.DownloadHTTPError as error:
            if error.status_code == GONE:  # some servers say so of what is not there, as of the next root
                raise exceptions.DownloadHTTPError(str(error), NOT_FOUND) from None
            raise
        if (found := count_values(data)) > UPDATE_LIMITS.metadata_values:
            raise exceptions.RepositoryError(
                f"{rolename} metadata hold {found} values, at most {UPDATE_LIMITS.metadata_values} are accepted"
            )
        return data

    def _load_local_metadata(self, rolename: str) -> bytes:
        path = self._folder / f"{urllib.parse.quote(rolename, '')}.json"
        data = read_file(path, _max_bytes(rolename))
        if data is None or count_values(data) > UPDATE_LIMITS.metadata_values:
            raise FileNotFoundError(path)  # it is then fetched
        return data

    def _persist_file(self, filename: str, data: bytes) -> None:
        path = Path(filename)
        if not path.is_file() or path.stat().st_size != len(data) or path.read_bytes() != data:
            write_file(path, data)

    def _update_root_symlink(self) -> None:
        pass


def download_pack(fetcher: Fetcher, url: str, release: Release) -> bytes:
    """Return the pack of a release from the repository at `url`, which ends with a slash.

    Raises UnreachableError, UntrustedUpdateError where length or digest differ from what was signed.
    """
    with _repository_errors():
        data = fetcher.download_bytes(f"{url}{PACKS_FOLDER}/{release.file_path}", release.size)
    if len(data) != release.size or hashlib.sha256(data).hexdigest() != release.sha256:
        raise UntrustedUpdateError(
            f"release {release.number} of {release.task!r} is not the pack that was signed; nothing was stored"
        )
    return data


def metadata_expiry(folder: Path) -> datetime | None:
    """Return when the first of the cached metadata expires, None before the first check. Raises StoreError."""
    cached = [_expires(folder / f"{role}.json") for role in (Timestamp.type, Snapshot.type, Targets.type)]
    if not any(cached):
        return None
    with client_errors(folder):
        listed = [path for path in list_folder(folder / ROOT_HISTORY) if path.name.endswith(".root.json")]
    roots = sorted(listed, key=lambda path: (len(path.name), path.name))
    return min(filter(None, cached + [_expires(path) for path in roots[-1:]]))


@contextlib.contextmanager
def client_errors(folder: Path) -> Iterator[None]:
    """Raise the errors of The Update Framework's client as ours; `folder` is where it keeps its files."""
    try:
        with _repository_errors():
            yield
    except OSError as error:
        raise StoreError(
            f"cannot keep metadata in {folder} ({error.strerror or error}); check the folder and its permissions"
        ) from None


@contextlib.contextmanager
def _repository_errors() -> Iterator[None]:
    try:
        yield
    except exceptions.ExpiredMetadataError as error:
        raise ExpiredError(
            f"{error}: no update is accepted until it is signed again; if it was, set this device's clock"
        ) from None
    except (exceptions.RepositoryError, exceptions.DownloadLengthMismatchError) as error:
        raise UntrustedUpdateError(f"the server's files are not what the trusted keys signed ({error})") from None
    except exceptions.DownloadError as error:
        raise UnreachableError(f"{error}; what was active stays active, try again later") from None


def _expires(path: Path) -> datetime | None:
    with client_errors(path.parent), contextlib.suppress(exceptions.RepositoryError):  # a torn file is fetched again
        data = read_file(path, UPDATE_LIMITS.targets_bytes)
        if data is not None:
            return Metadata.from_bytes(data).signed.expires
    return None


def _max_bytes(role: str) -> int:
    return MAX_BYTES.get(role, UPDATE_LIMITS.targets_bytes)


def _last_withdrawn(role: Targets, path: str) -> int:
    """Return the number of the last release of a withdrawn task, 0 where the role does not list it."""
    if WITHDRAWN_FIELD not in role.unrecognized_fields:
        return 0
    fields = Fields(role.unrecognized_fields, "signed targets", UntrustedUpdateError)
    last = fields.mapping(WITHDRAWN_FIELD, int).get(path, 0)
    if not 0 <= last <= UPDATE_LIMITS.release:
        raise UntrustedUpdateError(
            f"signed targets: the last release of {path} should be a number from 1 to {UPDATE_LIMITS.release}, "
            f"found {last}; ask the publisher"
        )
    return last


def _check_base(role: Targets, base: str) -> None:
    fields = Fields(role.unrecognized_fields, "signed targets", UntrustedUpdateError)
    found = fields.mapping(BASES_FIELD, str).get(base_folder(base))
    if found != base:
        raise UntrustedUpdateError(f"signed targets are for base {found}, this device has {base}; ask the publisher")
