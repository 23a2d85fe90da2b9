"""Counts the calls on the file system beneath a folder; at one of them the process dies or the call fails."""

import builtins
import errno
import fcntl
import io
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from security.faults.disk import Disk, path_of

BY_PATH: Final = (
    *("open", "stat", "lstat", "access", "listdir", "scandir", "statvfs", "readlink", "chmod", "utime", "truncate"),
    *("mkdir", "rmdir", "unlink", "remove", "rename", "replace", "link", "symlink"),
)
BY_HANDLE: Final = ("read", "write", "pwrite", "fsync", "fdatasync", "ftruncate", "fstat", "fchmod")
# Events of `sys.audit`, by which Python tells of calls; none may go past the functions that are counted.
AUDITED: Final = {"open", "fcntl.flock", *(f"os.{name}" for name in BY_PATH)}
TAKES_SPACE: Final = {"open", "write", "pwrite", "mkdir", "link", "symlink", "fsync", "rename", "replace"}


@dataclass(frozen=True)
class Fault:
    """What happens at the call of number `point`, from 0: the error, or death where it is None.

    With `lasting`, so does every later call that takes space.
    """

    point: int
    error: int | None = None
    lasting: bool = False

    @property
    def name(self) -> str:
        code = "kill" if self.error is None else errno.errorcode[self.error]
        return f"{code} from {self.point} on" if self.lasting else f"{code} at {self.point}"


class Calls:
    """Stands before Python's functions from `begin` to `end`; meant for a process that ends soon after."""

    def __init__(self, top: Path, disk: Disk, fault: Fault | None, die: Callable[[], None]) -> None:
        self._top = top
        self._disk, self._fault, self._die = disk, fault, die
        self._originals: list[tuple[Any, str, Any]] = []
        self._inside = self._watching = False
        self.seen: list[str] = []
        self.past: list[str] = []

    def begin(self) -> None:
        for name in (*BY_PATH, *BY_HANDLE):
            self._replace(os, name, self._counting(name, getattr(os, name)))
        self._replace(fcntl, "flock", self._counting("flock", fcntl.flock))
        opening = self._opening(io.open)
        self._replace(io, "open", opening)
        self._replace(builtins, "open", opening)
        self._watching = True
        sys.addaudithook(self._audit)

    def end(self) -> None:
        self._watching = False
        for owner, name, original in self._originals:
            setattr(owner, name, original)

    def perform(self, name: str, where: Sequence[Any], call: Callable[[], Any], part: Callable[[], Any]) -> Any:
        """Count a call and perform it, unless it is the one that fails; `part` is how far it comes before death."""
        places = [place for place in map(self._place, where) if place]
        if not places or self._inside:
            return call()
        point = len(self.seen)
        self.seen.append(f"{name} {places[-1]}")
        if self._fault is not None:
            self._strike(self._fault, name, point, part)
        self._inside = True
        try:
            if name in ("fsync", "fdatasync"):  # what lasts is a matter of the model, and waiting for a disk takes long
                return self._disk.synced(where[0])
            return call()
        finally:
            self._inside = False

    def _strike(self, fault: Fault, name: str, point: int, part: Callable[[], Any]) -> None:
        later = fault.lasting and point > fault.point and name in TAKES_SPACE
        if point != fault.point and not later:
            return
        if fault.error is not None:
            raise OSError(fault.error, os.strerror(fault.error))
        self._inside = True
        part()
        self.end()
        self._die()

    def _place(self, where: Any) -> str | None:
        """Where beneath the folder an argument points; None when it is elsewhere, or no file."""
        if isinstance(where, int):
            inside, self._inside = self._inside, True
            try:
                path = path_of(where)
            except OSError:  # it was closed
                return None
            finally:
                self._inside = inside
        elif isinstance(where, str | os.PathLike):
            path = Path(where).absolute()
        else:
            return None
        return str(path.relative_to(self._top)) if path.is_relative_to(self._top) else None

    def _counting(self, name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            def part() -> Any:
                return original(arguments[0], arguments[1][: len(arguments[1]) // 2]) if name == "write" else None

            if self._inside:
                return original(*arguments, **options)
            where = arguments[:2] if name in ("rename", "replace", "link", "symlink") else arguments[:1]
            return self.perform(name, where, lambda: original(*arguments, **options), part)

        return call

    def _opening(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def opening(
            file: Any, mode: str = "r", buffering: int = -1, encoding: str | None = None, errors: str | None = None,
            newline: str | None = None, closefd: bool = True, opener: Any = None,
        ) -> Any:  # fmt: skip
            if self._inside or self._place(file) is None:
                return original(file, mode, buffering, encoding, errors, newline, closefd, opener)
            raw = _CountedFile(self, file, mode.replace("b", "").replace("t", ""), closefd, opener)
            if buffering == 0:
                return raw
            kind = io.BufferedRandom if "+" in mode else io.BufferedReader if "r" in mode else io.BufferedWriter
            return kind(raw) if "b" in mode else io.TextIOWrapper(kind(raw), encoding, errors, newline)

        return opening

    def _replace(self, owner: Any, name: str, function: Any) -> None:
        self._originals.append((owner, name, getattr(owner, name)))
        setattr(owner, name, function)

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and isinstance(arguments[0], int):
            return  # of a handle that is open already
        if event in AUDITED and self._watching and not self._inside and any(map(self._place, arguments[:2])):
            self.past.append(f"{event} {arguments[0]}")


class _CountedFile(io.FileIO):
    """A file whose opening, reads and writes are counted."""

    def __init__(self, calls: Calls, file: Any, mode: str, closefd: bool, opener: Any) -> None:
        self._calls, self._where = calls, file
        start = super().__init__
        if isinstance(file, int):
            start(file, mode, closefd, opener)
        else:
            calls.perform("open", [file], lambda: start(file, mode, closefd, opener), lambda: None)

    def write(self, data: Any, /) -> int:
        whole = bytes(data)
        write = super().write
        count: int = self._perform("write", lambda: write(whole), lambda: write(whole[: len(whole) // 2]))
        return count

    def read(self, size: int | None = -1, /) -> Any:
        read = super().read
        return self._perform("read", lambda: read(-1 if size is None else size))

    def readall(self) -> Any:
        return self._perform("read", super().readall)

    def readinto(self, buffer: Any, /) -> int:
        read = super().readinto
        count: int = self._perform("read", lambda: read(buffer))
        return count

    def _perform(self, name: str, call: Callable[[], Any], part: Callable[[], Any] = lambda: None) -> Any:
        return self._calls.perform(name, [self.fileno()], call, part)
