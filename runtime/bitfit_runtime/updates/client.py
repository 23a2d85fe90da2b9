"""What the trusted keys signed: The Update Framework's client, on the store's folder and the device's clock."""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

from tuf.api import exceptions
from tuf.api.metadata import Metadata, Snapshot, Targets, Timestamp
from tuf.ngclient import Updater, UpdaterConfig

from bitfit_runtime.errors import ExpiredError, InputError, StoreError, UnreachableError, UntrustedUpdateError
from bitfit_runtime.files import make_folder, read_file, write_file
from bitfit_runtime.formats.json_fields import Fields
from bitfit_runtime.updates.fetcher import Fetcher
from bitfit_runtime.updates.schema import BASES_FIELD, REMOVED_FIELD, UPDATE_LIMITS, Release, base_folder, target_path
from bitfit_runtime.updates.store import ROOT_HISTORY

Clock = Callable[[], datetime]
LIMITS: Final = UpdaterConfig(
    root_max_length=UPDATE_LIMITS.root_bytes,
    timestamp_max_length=UPDATE_LIMITS.timestamp_bytes,
    snapshot_max_length=UPDATE_LIMITS.snapshot_bytes,
    targets_max_length=UPDATE_LIMITS.targets_bytes,
)


class TrustedClient(Updater):
    """One look at the repository.

    Its files last, where the client's own may be torn by a loss of power. It makes no symbolic link, which not every
    file system has: the root comes from the application.
    """

    def __init__(self, folder: Path, url: str, root: bytes, fetcher: Fetcher, now: datetime) -> None:
        """Load the trusted root; nothing is fetched yet. `url` is of metadata. Raises InputError, StoreError."""
        with reported(folder):
            make_folder(folder)
            make_folder(folder / ROOT_HISTORY)
            try:
                super().__init__(str(folder), url, fetcher=fetcher, config=LIMITS, bootstrap=root)
            except exceptions.RepositoryError as error:
                raise InputError(f"what was given as root metadata is none ({error}); take the publisher's") from None
        self._folder = folder
        self._trusted_set.reference_time = now

    @property
    def root_version(self) -> int:
        """Version of the root that is trusted by now."""
        return self._trusted_set.root.version

    def refresh(self) -> None:
        """Bring the metadata up to date.

        Raises ExpiredError, UntrustedUpdateError, UnreachableError, StoreError.
        """
        with reported(self._folder):
            super().refresh()

    def load(self, paths: Iterable[str]) -> None:
        """Bring up to date what lists these targets, so that `find` asks no server. Raises what `refresh` raises."""
        with reported(self._folder):
            for path in paths:
                self.get_targetinfo(path)

    def find(self, base: str, task: str) -> tuple[Release | None, int]:
        """Return the task's release, and the lowest release number that a device may take from now on.

        Raises what `refresh` raises, and InputError.
        """
        path = target_path(base, task)
        with reported(self._folder):
            target = self.get_targetinfo(path)
        roles = [role for role in self._trusted_set if isinstance(role, Targets)]
        lowest = max(_removed(role, path) for role in roles) + 1
        if target is None:
            return None, lowest
        owner = next(role for role in roles if role.targets.get(path) is target)
        _check_base(owner, base)
        release = Release.from_target(base, task, target.length, target.hashes, target.custom)
        return release, max(lowest, release.number)

    def _persist_file(self, filename: str, data: bytes) -> None:
        path = Path(filename)
        if not path.is_file() or path.stat().st_size != len(data) or path.read_bytes() != data:
            write_file(path, data)

    def _update_root_symlink(self) -> None:
        pass


@contextlib.contextmanager
def reported(folder: Path) -> Iterator[None]:
    """Raise the errors of The Update Framework's client as ours; `folder` is where it keeps its files."""
    try:
        yield
    except exceptions.ExpiredMetadataError as error:
        raise ExpiredError(
            f"{error}: no update is taken until it is signed anew; if it was, set this device's clock"
        ) from None
    except (exceptions.RepositoryError, exceptions.DownloadLengthMismatchError) as error:
        raise UntrustedUpdateError(f"the server's files are not what the trusted keys signed ({error})") from None
    except exceptions.DownloadError as error:
        raise UnreachableError(f"{error}; what is active still is, try again later") from None
    except OSError as error:
        raise StoreError(f"cannot keep metadata in {folder} ({error.strerror or error}); see to the folder") from None


def expiry(folder: Path) -> datetime | None:
    """Return when the first of the cached metadata expires, None before the first check. Raises StoreError."""
    cached = [_expires(folder / f"{role}.json") for role in (Timestamp.type, Snapshot.type, Targets.type)]
    if not any(cached):
        return None
    roots = sorted((folder / ROOT_HISTORY).glob("*.root.json"), key=lambda path: (len(path.name), path.name))
    return min(filter(None, cached + [_expires(path) for path in roots[-1:]]))


def _expires(path: Path) -> datetime | None:
    with reported(path.parent), contextlib.suppress(exceptions.RepositoryError):  # one that was torn is fetched again
        data = read_file(path, UPDATE_LIMITS.targets_bytes)
        if data is not None:
            return Metadata.from_bytes(data).signed.expires
    return None


def _removed(role: Targets, path: str) -> int:
    if REMOVED_FIELD not in role.unrecognized_fields:
        return 0
    fields = Fields(role.unrecognized_fields, "signed targets", UntrustedUpdateError)
    last = fields.mapping(REMOVED_FIELD, int).get(path, 0)
    if not 0 <= last <= UPDATE_LIMITS.release:
        raise UntrustedUpdateError(f"signed targets: no release of {path} has the number {last}; see to the publisher")
    return last


def _check_base(role: Targets, base: str) -> None:
    fields = Fields(role.unrecognized_fields, "signed targets", UntrustedUpdateError)
    found = fields.mapping(BASES_FIELD, str).get(base_folder(base))
    if found != base:
        raise UntrustedUpdateError(f"signed targets are for base {found}, this device has {base}; see to the publisher")
