"""Store of hidden states: in memory up to a bound, then in a temporary file up to another."""

import shutil
import tempfile
import weakref
from collections.abc import Hashable
from typing import IO, Final

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]
IN_MEMORY: Final = 1 << 30  # bytes
ON_DISK: Final = 16 << 30
SHARE_OF_DISK: Final = 0.5  # of what is free


class StateStore:
    """Keeps arrays of float32 by key until its bounds, in bytes, are reached; the rest it does not take.

    The file is read and written, not mapped: of a mapped file, a full disk ends the process.
    """

    def __init__(self, in_memory: int = IN_MEMORY, on_disk: int = ON_DISK) -> None:
        self._arrays: dict[Hashable, Float32] = {}
        self._places: dict[Hashable, tuple[int, tuple[int, ...]]] = {}
        self._memory, self._disk = in_memory, on_disk
        self._file: IO[bytes] | None = None
        self._end = 0

    def __len__(self) -> int:
        return len(self._arrays) + len(self._places)

    def get(self, key: Hashable) -> Float32 | None:
        """Return the array of a key, None where none is kept."""
        if key in self._arrays:
            return self._arrays[key]
        if key not in self._places or self._file is None:
            return None
        offset, shape = self._places[key]
        self._file.seek(offset)
        return np.fromfile(self._file, np.float32, int(np.prod(shape))).reshape(shape)

    def put(self, key: Hashable, array: Float32) -> bool:
        """Keep an array, the first of its key, and return whether there was room for it."""
        if key in self._arrays or key in self._places:
            return True
        if array.nbytes <= self._memory:
            self._arrays[key] = array
            self._memory -= array.nbytes
            return True
        return self._write(key, array)

    def _write(self, key: Hashable, array: Float32) -> bool:
        if self._file is None:
            self._file = self._open()
        if self._file is None or self._end + array.nbytes > self._disk:
            return False
        try:
            self._file.seek(self._end)
            self._file.write(array.tobytes())
            self._file.flush()
        except OSError:  # the disk is full: what was kept before stays
            self._disk = self._end
            return False
        self._places[key] = (self._end, array.shape)
        self._end += array.nbytes
        return True

    def _open(self) -> IO[bytes] | None:
        try:
            free = shutil.disk_usage(tempfile.gettempdir()).free
            self._disk = min(self._disk, int(free * SHARE_OF_DISK))
            file = tempfile.TemporaryFile(prefix="bitfit-states-")  # noqa: SIM115 (it lives as long as the store)
        except OSError:
            self._disk = 0
            return None
        weakref.finalize(self, file.close)
        return file
