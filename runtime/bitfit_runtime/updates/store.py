"""Store: the folder in which a device keeps its packs.

    lock                                one writer of the version floor, slots and packs at a time
    metadata.lock                       one check of the server at a time
    floor.json                          the version floor
    metadata/                           signed metadata, as cached by The Update Framework's client
    tasks/BASE/TASK/pointer.json        the slots of a task
    tasks/BASE/TASK/SHA256.safetensors  the packs

A pack is named by its content and the slots are replaced atomically, so at any moment they name whole packs.
"""

import contextlib
import hashlib
import re
import shutil
import threading
from collections.abc import Container, Iterator
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from bitfit_runtime.errors import StoreBusyError, StoreError
from bitfit_runtime.files import TEMPORARY_PREFIX, list_folder, make_folder, read_file, read_start, write_file
from bitfit_runtime.updates.schema import METADATA_FOLDER, SHA256, UPDATE_LIMITS, base_folder, check_task_name
from bitfit_runtime.updates.slots import Slots, StoredRelease, parse_slots
from bitfit_runtime.updates.version_floor import VersionFloor, parse_version_floor

STATE_BYTES: Final = 1 << 20
# What is written stays below the first, unless one base alone has more tasks; earlier versions let the file grow.
FLOOR_BYTES, READ_FLOOR_BYTES = 512 << 10, 16 << 20
OTHER_BASES: Final = 15  # whose version floors are kept
SLOTS_FILE: Final = "pointer.json"
# Nothing else is removed: the folder may be a link to one that is not the store's alone.
PACK_NAME: Final = re.compile(rf"{SHA256.pattern}\.safetensors")
ROOT_HISTORY: Final = "root_history"  # as The Update Framework's client names it
SPARE_BYTES: Final = 256 << 10  # for metadata, version floor and slots


class Store:
    """The packs of the tasks of one base. Reading needs no lock; every write is made under `write_lock`."""

    def __init__(self, folder: Path, base: str, lock_timeout: float = 60) -> None:
        """`base` is the digest of a base, `lock_timeout` is in seconds. Nothing is read or written yet.

        Raises InputError.
        """
        self.folder = folder
        self.metadata = folder / METADATA_FOLDER
        self._tasks = folder / "tasks" / base_folder(base)
        self._version_floor = folder / "floor.json"
        self._lock, self._metadata_lock = FileLock(folder / "lock"), FileLock(folder / "metadata.lock")
        self._lock_timeout = lock_timeout
        self._health_threads: set[int] = set()

    @contextlib.contextmanager
    def metadata_lock(self) -> Iterator[None]:
        """Hold the lock of the cached metadata. It is apart from `write_lock`: a slow server delays no rollback.

        Raises StoreBusyError when `lock_timeout` has passed, StoreError.
        """
        with self._hold(self._metadata_lock):
            for folder in (self.metadata, self.metadata / ROOT_HISTORY):
                _sweep(folder, keep=None)
            yield

    @contextlib.contextmanager
    def write_lock(self) -> Iterator[None]:
        """Hold the lock of everything else. Raises StoreBusyError when `lock_timeout` has passed, StoreError."""
        with self._hold(self._lock):
            _sweep(self.folder, keep=None)
            yield

    @contextlib.contextmanager
    def health_check(self) -> Iterator[None]:
        """Refuse this thread every lock: an application's health check could change what is being tried."""
        thread = threading.get_ident()
        self._health_threads.add(thread)
        try:
            yield
        finally:
            self._health_threads.discard(thread)

    @contextlib.contextmanager
    def _hold(self, lock: FileLock) -> Iterator[None]:
        if threading.get_ident() in self._health_threads:
            raise StoreBusyError(f"{self.folder} is being updated; a health check should only use the engine it gets")
        with _store_errors("write to", self.folder):
            make_folder(self.folder)
            try:
                lock.acquire(timeout=self._lock_timeout)
            except Timeout:
                raise StoreBusyError(
                    f"another process or thread is updating {self.folder} and did not finish within "
                    f"{self._lock_timeout:g} s; try again later"
                ) from None
        try:
            yield
        finally:
            with _store_errors("unlock", self.folder):
                lock.release(force=True)  # also what could not be released the last time

    def read_slots(self, task: str) -> Slots:
        """Read which releases of a task are stored. Raises StoreError, InputError."""
        path = self._folder(task) / SLOTS_FILE
        with _store_errors("read", path):
            data = read_file(path, STATE_BYTES)
        return Slots() if data is None else parse_slots(data, str(path))

    def write_slots(self, task: str, slots: Slots) -> None:
        """Replace a task's slots, then remove the packs that they do not name. Raises StoreError."""
        folder = self._folder(task)
        with _store_errors("write", folder):
            self._make(folder)
            write_file(folder / SLOTS_FILE, slots.to_json())
        _sweep(folder, keep={_file_name(release) for release in slots.stored})

    def read_pack(self, task: str, release: StoredRelease) -> bytes | None:
        """Return a pack's bytes, None when it is missing or its digest differs. Raises StoreError."""
        path = self._folder(task) / _file_name(release)
        with _store_errors("read", path):
            data = read_start(path, UPDATE_LIMITS.pack_bytes + 1)  # the digest of a larger one differs
        return data if data is not None and hashlib.sha256(data).hexdigest() == release.sha256 else None

    def write_pack(self, task: str, release: StoredRelease, data: bytes) -> None:
        """Write a pack whose digest was verified. It is kept once a slot names it. Raises StoreError."""
        folder = self._folder(task)
        with _store_errors("write", folder):
            self._make(folder)
            write_file(folder / _file_name(release), data)

    def check_space(self, size: int) -> None:
        """Raise StoreError unless there is room for a pack of `size` bytes."""
        with _store_errors("measure", self.folder):
            free = shutil.disk_usage(self.folder).free
        if free < size + SPARE_BYTES:
            raise StoreError(f"{self.folder} has {free} bytes left, {size + SPARE_BYTES} are needed; free some space")

    def read_version_floor(self) -> VersionFloor:
        """Read the version floor. Raises StoreError."""
        with _store_errors("read", self._version_floor):
            data = read_file(self._version_floor, READ_FLOOR_BYTES)
        return VersionFloor() if data is None else parse_version_floor(data, str(self._version_floor))

    def raise_version_floor(self, floor: VersionFloor) -> None:
        """Write the version floor where it differs from what is there. Raises StoreError.

        Bases whose folder is gone are left out, and of many others those that were used least recently.
        """
        with _store_errors("write", self._version_floor):
            floor = self._pruned(floor)
            if floor != self.read_version_floor():
                for part in (self._tasks.parent, self._tasks):  # the base is not gone
                    make_folder(part)
                write_file(self._version_floor, floor.to_json())

    def begin_repository(self) -> None:
        """Forget what another repository numbered and signed. What is active goes on answering.

        After an interruption it is repeated: signed metadata, by which it is noticed, go last. Raises StoreError.
        """
        with _store_errors("write", self.folder):
            for folder in (task for base in list_folder(self._tasks.parent) for task in list_folder(base)):
                path = folder / SLOTS_FILE
                data = read_start(path, STATE_BYTES + 1) if folder.is_dir() else None
                with contextlib.suppress(StoreError):  # damaged ones stay, and are told of
                    if data is not None:
                        write_file(path, parse_slots(data, str(path)).of_former_repository().to_json())
            write_file(self._version_floor, VersionFloor().to_json())
            for folder in (self.metadata, self.metadata / ROOT_HISTORY):
                for path in list_folder(folder):
                    if path.suffix == ".json":
                        path.unlink()

    def _pruned(self, floor: VersionFloor) -> VersionFloor:
        own, tasks = self._tasks.name, self._tasks.parent
        others = {path.partition("/")[0] for path in floor.releases} - {own}
        kept = sorted((base for base in others if (tasks / base).is_dir()), key=lambda base: _last_used(tasks / base))
        kept = kept[-OTHER_BASES:]
        while True:
            found = floor.of_bases({own, *kept})
            if not kept or len(found.to_json()) <= FLOOR_BYTES:
                return found
            kept.pop(0)

    def _folder(self, task: str) -> Path:
        return self._tasks / check_task_name(task)

    def _make(self, folder: Path) -> None:
        for part in (self._tasks.parent, self._tasks, folder):
            make_folder(part)


def _last_used(folder: Path) -> float:
    """When the slots of one of a base's tasks were last written."""
    return max((path.stat().st_mtime for path in (folder, *folder.iterdir())), default=0)


def _file_name(release: StoredRelease) -> str:
    return f"{release.sha256}.safetensors"


def _sweep(folder: Path, keep: Container[str] | None) -> None:
    """Remove what a killed writer left, and packs not in `keep`. What cannot be removed is tried again next time."""
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            unnamed = keep is not None and path.name not in keep and PACK_NAME.fullmatch(path.name)
            if unnamed or path.name.startswith(TEMPORARY_PREFIX):
                path.unlink()


@contextlib.contextmanager
def _store_errors(action: str, path: Path) -> Iterator[None]:
    """Raise OSError as StoreError."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        raise StoreError(
            f"cannot {action} {path} ({reason}); what was active stays active: check the folder and its permissions"
        ) from None
