"""What a loss of power leaves of a folder: a model of what was made to last, and images of what may be found.

A file's content lasts once the file was synced, a name in a folder once the folder was. Anything else may be there or
not when power comes back, each name and each file by itself.
"""

import hashlib
import os
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Final

# Names or contents that were not synced are lost, kept, or torn in the middle; lots are drawn for each, twice.
LOSSES: Final = ("names and contents lost", "contents lost", "contents torn", "lots", "lots again")
Inode = int


class Disk:
    """What lasts of the folders beneath `top`, all of which lasts at first."""

    def __init__(self, top: Path) -> None:
        self._top = top
        self._names: dict[Inode, Mapping[str, Inode]] = {}
        self._contents: dict[Inode, bytes] = {}
        self._folders: set[Inode] = set()
        self._pins: list[int] = []  # an open handle keeps an inode's number from being given again
        for folder, _, files in os.walk(top):
            self._keep_folder(Path(folder))
            for file in files:
                self._keep_file(Path(folder, file))

    def synced(self, handle: int) -> None:
        """Take note of a successful fsync."""
        path = path_of(handle)
        if path.is_dir():
            self._keep_folder(path)
        elif path.exists():
            self._keep_file(path)

    def write_image(self, loss: str, seed: int, target: Path) -> None:
        """Write to `target` what is found when power goes now."""
        self._write_folder(self._top.stat().st_ino, self._top, target, loss, random.Random(seed))

    def _write_folder(self, inode: Inode, path: Path | None, target: Path, loss: str, lots: random.Random) -> None:
        target.mkdir()
        now = _names(path) if path is not None else {}
        lasting = self._names.get(inode, {})
        for name in sorted({*now, *lasting}):
            drawn = lots.choice((now, lasting))
            entries = {"names and contents lost": lasting, "contents lost": now, "contents torn": now}.get(loss, drawn)
            if (chosen := entries.get(name)) is None:
                continue
            here = path / name if path is not None and now.get(name) == chosen else None
            if chosen in self._folders or (here is not None and here.is_dir()):
                self._write_folder(chosen, here, target / name, loss, lots)
            else:
                (target / name).write_bytes(self._content(chosen, here, loss, lots))

    def _content(self, inode: Inode, path: Path | None, loss: str, lots: random.Random) -> bytes:
        lasting = self._contents.get(inode, b"")
        if path is None or (now := path.read_bytes()) == lasting:
            return lasting
        torn = now[: len(now) // 2]
        drawn = lots.choice((now, torn, lasting))
        lost = {"names and contents lost": lasting, "contents lost": lasting, "contents torn": torn}
        return lost.get(loss, drawn)

    def _keep_folder(self, path: Path) -> None:
        self._names[self._pin(path)] = _names(path)
        self._folders.add(path.stat().st_ino)
        for child in path.iterdir():
            inode = self._pin(child)
            if child.is_dir():
                self._folders.add(inode)

    def _keep_file(self, path: Path) -> None:
        self._contents[self._pin(path)] = path.read_bytes()

    def _pin(self, path: Path) -> Inode:
        self._pins.append(os.open(path, os.O_PATH | os.O_NOFOLLOW))
        return path.lstat().st_ino


def path_of(handle: int) -> Path:
    """The file that is open as `handle`. Raises OSError."""
    return Path(f"/proc/self/fd/{handle}").readlink()


def fingerprint(folder: Path, temporary: str = ".tmp-") -> str:
    """Digest of all that is in a folder; files of random names by their content alone."""
    found = []
    for path in sorted(folder.rglob("*")):
        name = temporary if path.name.startswith(temporary) else path.name
        content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"
        found.append(f"{path.parent.relative_to(folder)}/{name} {content}")
    return hashlib.sha256("\n".join(sorted(found)).encode()).hexdigest()


def _names(folder: Path) -> Mapping[str, Inode]:
    return {path.name: path.lstat().st_ino for path in folder.iterdir()}
