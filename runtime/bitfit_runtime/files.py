"""Atomic file writes that survive a loss of power, and bounded reads."""

import errno
import os
import stat
import tempfile
from pathlib import Path
from typing import Final

TEMPORARY_PREFIX: Final = ".tmp-"
PUBLIC: Final = 0o644


def write_file(path: Path, data: bytes, mode: int = PUBLIC) -> None:
    """Write a file and rename it into place; content and name then survive a loss of power. Raises OSError.

    A link is replaced: in a folder of our own nobody is to choose where a file comes to lie.
    """
    place_file(path, data, mode)
    sync_folder(path.parent)


def write_output(path: Path, data: bytes) -> None:
    """Write a file that a user named, as `write_file` does, where `destination` says. Raises OSError."""
    write_file(destination(path), data)


def place_file(path: Path, data: bytes, mode: int = PUBLIC) -> None:
    """Write a file and rename it into place; its name survives once its folder is synchronized. Raises OSError."""
    descriptor, temporary = tempfile.mkstemp(prefix=TEMPORARY_PREFIX, dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            Path(temporary).chmod(mode)
            os.fsync(stream.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def destination(path: Path) -> Path:
    """Return where a file that is written to `path` comes to lie: a link is followed, also to what is not there yet.

    To rename a file over a device node or a socket would destroy it. Raises OSError on all but a regular file.
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        mode = stat.S_IFREG
    if not stat.S_ISREG(mode):
        raise OSError(errno.EEXIST, "it exists and is not a regular file")
    return Path(os.path.realpath(path)) if path.is_symlink() else path


def make_folder(path: Path, mode: int = 0o777) -> None:
    """Make a folder and what is missing above it; its name then survives a loss of power. Raises OSError."""
    if not path.parent.exists():
        make_folder(path.parent)
    path.mkdir(mode, exist_ok=True)
    sync_folder(path.parent)  # even if it existed: whoever made it may have been killed before this


def read_file(path: Path, limit: int) -> bytes | None:
    """Return a file of at most `limit` bytes, None if it does not exist. Raises OSError, also for a larger one."""
    data = read_start(path, limit + 1)
    if data is not None and len(data) > limit:
        raise OSError(f"it has more than {limit} bytes")
    return data


def read_start(path: Path, size: int) -> bytes | None:
    """Return the first `size` bytes of a file, None if it does not exist. Raises OSError."""
    try:
        with path.open("rb") as stream:
            return stream.read(size)
    except FileNotFoundError:
        return None


def list_folder(folder: Path) -> list[Path]:
    """Return what is in a folder, by name; nothing where there is no such folder. Raises OSError.

    `Path.glob` takes a folder that may not be read for an empty one.
    """
    try:
        return sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def sync_folder(folder: Path) -> None:
    """Synchronize a folder, so that the names in it survive a loss of power. Raises OSError."""
    if os.name == "nt":  # folders cannot be opened there, and renames are journalled
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
