"""The same at the system calls of real `bitfit` processes, by strace's fault injection."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from security.faults.sweep import Row, judge
from security.faults.trial import Case

# Calls that change a folder or lock it; opening for reading alone is left out.
CALLS: Final = ("openat", "mkdir", "write", "chmod", "fsync", "rename", "unlink", "flock")
EXITS: Final = frozenset({0, *range(3, 11)})  # those that `bitfit` documents
ENVIRONMENT: Final = {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}
# Not --seccomp-bpf: strace 6.1 then injects errors, but no signals.
TRACE: Final = ("strace", "-f", "-y", "-qq", "-s", "0")


@dataclass(frozen=True)
class Command:
    """A command, as `bitfit` is given it, whose folder is called FOLDER."""

    case: Case
    arguments: Sequence[str]
    variables: Mapping[str, str]

    def run(self, folder: Path, *strace: str) -> subprocess.CompletedProcess[str]:
        arguments = [argument.replace("FOLDER", str(folder)) for argument in self.arguments]
        command = [*TRACE, *strace, sys.executable, "-m", "bitfit_toolkit", *arguments]
        variables = {**os.environ, **ENVIRONMENT, **self.variables}
        return subprocess.run(command, env=variables, capture_output=True, text=True, check=False)


def works(scratch: Path) -> bool:
    """Whether strace is installed and may trace here."""
    if shutil.which("strace") is None:
        return False
    command = [*TRACE, "-o", str(scratch / "trial.txt"), "true"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def trace(command: Command, scratch: Path) -> Row:
    """Kill a command at each of its calls on its folder, and let each fail for want of space."""
    row, known, log = Row(f"bitfit {' '.join(command.arguments[:2])}"), set[str](), scratch / "trace.txt"
    folder = scratch / "traced"
    points = list(_points(command, folder, log))
    row.calls = len(points)
    for call, number in points:
        for what in ("error=ENOSPC", "signal=KILL"):
            _prepare(command, folder)
            done = command.run(folder, "-o", str(log), "-e", f"trace={call}", f"--inject={call}:{what}:when={number}")
            where = f"{row.operation}: {what} at {call} {number}"
            if what == "signal=KILL":
                assert done.returncode == -signal.SIGKILL, where
                row.kills += 1
            elif any("(INJECTED)" in line and str(folder) in line for line in log.read_text().splitlines()):
                row.errors += 1
                if done.returncode not in EXITS or "Traceback" in done.stderr or done.stderr.count("\n") > 1:
                    row.stuck.append(f"{where}: exit {done.returncode}, {done.stderr}")
            else:
                row.past.append(f"{where}: another call was struck; processes differ")
            judge(command.case, folder, where, row, known)
    row.states = len(known)
    return row


def _points(command: Command, folder: Path, log: Path) -> Iterator[tuple[str, int]]:
    """Which calls of the main thread meet the folder: their name and number, as strace counts."""
    _prepare(command, folder)
    done = command.run(folder, "-o", str(log), "-e", f"trace={','.join(CALLS)}")
    assert done.returncode == 0, done.stderr
    lines = log.read_text().splitlines()
    main, counts = lines[0].split()[0], Counter[str]()
    for line in lines:
        found = re.match(r"(\d+) +(\w+)\(", line)
        if found is None or found[1] != main:
            continue
        counts[found[2]] += 1
        if str(folder) in line and ("O_RDONLY" not in line or "O_CREAT" in line):
            yield found[2], counts[found[2]]
    shutil.rmtree(folder)


def _prepare(command: Command, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    command.case.prepare(folder)
