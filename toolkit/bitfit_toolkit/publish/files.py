"""The one place where the publisher writes: a file is there whole and lasts, or it is not there."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

TEMPORARY_PREFIX: Final = ".tmp-"
PRIVATE: Final = 0o600  # keys
PUBLIC: Final = 0o644  # what a web server reads


def write_file(path: Path, data: bytes, mode: int = PUBLIC) -> None:
    """Write one file, as `write_files` does."""
    write_files({path: data}, mode)


def write_files(files: Mapping[Path, bytes], mode: int = PUBLIC) -> None:
    """Write files and rename each into place; afterwards a loss of power leaves them. Raises OSError."""
    for path, data in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=TEMPORARY_PREFIX, dir=path.parent)
        temporary = Path(name)
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(data)
                stream.flush()
                temporary.chmod(mode)
                os.fsync(stream.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    for folder in {path.parent for path in files}:
        _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":  # no folder can be opened there, and renaming is journalled
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
