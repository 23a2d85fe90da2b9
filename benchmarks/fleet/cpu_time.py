"""Time of processors that this process and all that it started take, those that were killed too. Linux only."""

import os
import threading
from pathlib import Path
from types import TracebackType
from typing import Final

TICKS: Final = os.sysconf("SC_CLK_TCK")
EVERY: Final = 0.2  # seconds between looks; what a process did after the last one is missed where it is killed
Process = tuple[int, str]  # its number, and when it began: numbers are given again


class CpuTime:
    """Adds up while it is open: `seconds` afterwards, of this process and all below it."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._stop = threading.Event()
        self._latest: dict[Process, int] = {}
        self._before: dict[Process, int] = {}
        self._lock = threading.Lock()
        self._watch = threading.Thread(target=self._look_again, daemon=True)

    def __enter__(self) -> "CpuTime":
        self._look()
        self._before = dict(self._latest)
        self._watch.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop.set()
        self._watch.join()
        self.seconds = self.spent()

    def spent(self) -> float:
        """Return the seconds until now."""
        self._look()
        with self._lock:
            return sum(now - self._before.get(process, 0) for process, now in self._latest.items()) / TICKS

    def _look_again(self) -> None:
        while not self._stop.wait(EVERY):
            self._look()

    def _look(self) -> None:
        parents, ticks = _processes()
        with self._lock:
            known = {process[0] for process in self._latest if process in ticks}  # of a dead parent, too
            mine = descendants(parents, {os.getpid(), *known})
            self._latest.update({process: spent for process, spent in ticks.items() if process[0] in mine})


def descendants(parents: dict[int, int], roots: set[int]) -> set[int]:
    """Return the roots and all that they started, directly or not."""
    found = set(roots)
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def working(root: int, title: str) -> bool:
    """Whether a process below this one has a command line that starts so."""
    parents, _ = _processes()
    return any(_command(number).startswith(title) for number in descendants(parents, {root}))


def _command(number: int) -> str:
    try:
        return Path(f"/proc/{number}/cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return ""


def _processes() -> tuple[dict[int, int], dict[Process, int]]:
    """Return each process's parent, and the ticks that it spent."""
    parents: dict[int, int] = {}
    ticks: dict[Process, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()
        except OSError:
            continue  # it ended
        parents[int(folder.name)] = int(fields[1])
        ticks[int(folder.name), fields[19]] = int(fields[11]) + int(fields[12])
    return parents, ticks
