"""The folder in which a device keeps its packs.

    lock                                one writer of floor, pointers and packs at a time
    metadata.lock                       one look at the server at a time
    floor.json                          the lowest versions that are taken from the network
    metadata/                           signed metadata, as The Update Framework's client caches them
    tasks/BASE/TASK/pointer.json        which pack answers
    tasks/BASE/TASK/SHA256.safetensors  the packs

A pack's name is its content's, and the pointer is replaced in one step, so that at any moment it names whole packs.
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
from bitfit_runtime.files import TEMPORARY_PREFIX, make_folder, read_file, read_start, write_file
from bitfit_runtime.updates.schema import METADATA_FOLDER, SHA256, UPDATE_LIMITS, base_folder, check_task_name
from bitfit_runtime.updates.slots import Slots, StoredRelease, parse_slots
from bitfit_runtime.updates.version_floor import VersionFloor, parse_version_floor

STATE_BYTES: Final = 1 << 20
# Nothing else is removed: the folder may be a link to one that is not the store's alone.
PACK_NAME: Final = re.compile(rf"{SHA256.pattern}\.safetensors")
ROOT_HISTORY: Final = "root_history"  # as The Update Framework's client names it
SPARE_BYTES: Final = 256 << 10  # for metadata, floor and pointer


class Store:
    """The packs of the tasks of one base. Reading needs no lock; whoever writes holds `writing`."""

    def __init__(self, folder: Path, base: str) -> None:
        """`base` is the digest of a base. Nothing is read or written yet. Raises InputError."""
        self.folder = folder
        self.metadata = folder / METADATA_FOLDER
        self._tasks = folder / "tasks" / base_folder(base)
        self._floor = folder / "floor.json"
        self._lock, self._metadata_lock = FileLock(folder / "lock"), FileLock(folder / "metadata.lock")
        self._writer: int | None = None

    @contextlib.contextmanager
    def looking(self, wait: float) -> Iterator[None]:
        """Hold the lock of the metadata, as `writing` holds that of all else: a slow server delays no rollback."""
        with self._holding(self._metadata_lock, wait):
            for folder in (self.metadata, self.metadata / ROOT_HISTORY):
                _sweep(folder, keep=None)
            yield

    @contextlib.contextmanager
    def writing(self, wait: float) -> Iterator[None]:
        """Hold the store's lock, for which others are given `wait` seconds. Raises StoreBusyError, StoreError."""
        if self._writer == threading.get_ident():
            raise StoreBusyError(f"{self.folder} is being updated; a health check should only ask the engine it gets")
        with self._holding(self._lock, wait):
            self._writer = threading.get_ident()
            try:
                _sweep(self.folder, keep=None)
                yield
            finally:
                self._writer = None

    @contextlib.contextmanager
    def _holding(self, lock: FileLock, wait: float) -> Iterator[None]:
        with _reported("write to", self.folder):
            make_folder(self.folder)
            try:
                lock.acquire(timeout=wait)
            except Timeout:
                raise StoreBusyError(
                    f"another process or thread is updating {self.folder}, for more than {wait:g} s; try again when it "
                    "is done"
                ) from None
        try:
            yield
        finally:
            with _reported("unlock", self.folder):
                lock.release(force=True)  # with what could not be released the last time

    def pointer(self, task: str) -> Slots:
        """Read which releases of a task are here. Raises StoreError, InputError."""
        path = self._folder(task) / "pointer.json"
        with _reported("read", path):
            data = read_file(path, STATE_BYTES)
        return Slots() if data is None else parse_slots(data, str(path))

    def point(self, task: str, pointer: Slots) -> None:
        """Replace a task's pointer, then remove packs that it does not name. Raises StoreError."""
        folder = self._folder(task)
        with _reported("write", folder):
            self._make(folder)
            write_file(folder / "pointer.json", pointer.to_json())
        _sweep(folder, keep={_name(held) for held in pointer.held})

    def pack(self, task: str, held: StoredRelease) -> bytes | None:
        """Return a pack's bytes, None when they are not there or do not have their digest. Raises StoreError."""
        path = self._folder(task) / _name(held)
        with _reported("read", path):
            data = read_start(path, UPDATE_LIMITS.pack_bytes + 1)  # of a larger one the digest differs
        return data if data is not None and hashlib.sha256(data).hexdigest() == held.sha256 else None

    def keep_pack(self, task: str, held: StoredRelease, data: bytes) -> None:
        """Write a pack whose digest was compared. It is kept once a pointer names it. Raises StoreError."""
        folder = self._folder(task)
        with _reported("write", folder):
            self._make(folder)
            write_file(folder / _name(held), data)

    def check_space(self, size: int) -> None:
        """Raise StoreError unless there is room for a pack of `size` bytes."""
        with _reported("measure", self.folder):
            free = shutil.disk_usage(self.folder).free
        if free < size + SPARE_BYTES:
            raise StoreError(f"{self.folder} has {free} bytes left, {size + SPARE_BYTES} are needed; free some")

    def floor(self) -> VersionFloor:
        """Read the floor. Raises StoreError."""
        with _reported("read", self._floor):
            data = read_file(self._floor, STATE_BYTES)
        return VersionFloor() if data is None else parse_version_floor(data, str(self._floor))

    def raise_floor(self, floor: VersionFloor) -> None:
        """Write the floor where it differs from what is there. Raises StoreError."""
        if floor != self.floor():
            with _reported("write", self._floor):
                write_file(self._floor, floor.to_json())

    def _folder(self, task: str) -> Path:
        return self._tasks / check_task_name(task)

    def _make(self, folder: Path) -> None:
        for part in (self._tasks.parent, self._tasks, folder):
            make_folder(part)


def _name(held: StoredRelease) -> str:
    return f"{held.sha256}.safetensors"


def _sweep(folder: Path, keep: Container[str] | None) -> None:
    """Remove what a killed writer left, and packs but those of `keep`. What cannot be removed is tried again later."""
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            unnamed = keep is not None and path.name not in keep and PACK_NAME.fullmatch(path.name)
            if unnamed or path.name.startswith(TEMPORARY_PREFIX):
                path.unlink()


@contextlib.contextmanager
def _reported(what: str, where: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        raise StoreError(f"cannot {what} {where} ({reason}); what was active still is: see to the folder") from None
