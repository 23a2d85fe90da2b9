"""The measurements: each starts fresh processes, and is kept in the ledger."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from bitfit_runtime import Base
from harness.clock import summary
from harness.ledger import Ledger
from harness.packs import graph_bytes, write_random_pack

BENCHMARKS = Path(__file__).parents[1]
MEMORY, CALLS, START, IMPORT = "memory", "calls", "start", "import"
OURS, BARE = "ours", "bare"
TASKS = (1, 10, 100, 1000)
PACKS = 20
STARTS, IMPORTS = 11, 20
IMPORTED = {
    BARE: "import onnxruntime, tokenizers",
    "package": "import bitfit_runtime",
    OURS: "from bitfit_runtime import Engine",
}


@dataclass(frozen=True, slots=True)
class Subject:
    """A model's base, and packs of it with every bias and a head of two labels in int8 codes."""

    name: str
    base: Base
    packs: list[Path]

    @classmethod
    def prepare(cls, name: str, folder: Path) -> "Subject":
        base = Base.open(folder)
        packs = [folder.with_name(f"{folder.name}-{seed}.safetensors") for seed in range(PACKS)]
        for seed, path in enumerate(packs):
            if not path.exists():
                write_random_pack(base, seed, path)
        return cls(name, base, packs)

    @property
    def pack_megabytes(self) -> float:
        return sum(path.stat().st_size for path in self.packs) / PACKS / 1e6


def memory(ledger: Ledger, subject: Subject) -> None:
    """Resident megabytes of a process with many tasks, and the size of one pack."""

    def measure(tasks: int) -> dict[str, Any]:
        return _child("memory", subject, tasks) | {"a pack": {"mb": subject.pack_megabytes}}

    for tasks in TASKS:
        ledger.once(MEMORY, {"model": subject.name, "tasks": tasks}, partial(measure, tasks))


def calls(ledger: Ledger, subject: Subject) -> None:
    """Milliseconds of calls with 1,000 tasks installed, by what the call before was about."""
    if not ledger.missing(CALLS, [{"model": subject.name, "call": "look-up"}]):
        return
    for call, arms in _child("calls", subject, TASKS[-1]).items():
        ledger.once(CALLS, {"model": subject.name, "call": call}, lambda arms=arms: arms)


def start(ledger: Ledger, subject: Subject) -> None:
    """Milliseconds from the opening of the files (in the page cache) to the first answer, and peak megabytes."""

    def measure() -> dict[str, Any]:
        kinds = {OURS: "start", BARE: "bare"}
        found: dict[str, list[dict[str, float]]] = {name: [] for name in kinds}
        for turn in range(STARTS + 1):
            for name, kind in kinds.items():
                result = _child(kind, subject)
                if turn:  # the first fills the page cache
                    found[name].append(result)
        files = {"files": {"mb": graph_bytes(subject.base) / 1e6}}
        return files | {
            name: summary([run["ms"] for run in runs]) | {"peak_mb": max(run["peak_mb"] for run in runs)}
            for name, runs in found.items()
        }

    ledger.once(START, {"model": subject.name}, measure)


def imports(ledger: Ledger, subject: Subject) -> None:
    """Milliseconds of whole processes that import and end."""

    def measure() -> dict[str, Any]:
        times: dict[str, list[float]] = {name: [] for name in IMPORTED}
        for turn in range(IMPORTS + 1):
            for name, code in IMPORTED.items():
                began = time.perf_counter()
                subprocess.run([sys.executable, "-c", code], check=True, env=_environment())
                if turn:  # the first compiles and fills the page cache
                    times[name].append(1e3 * (time.perf_counter() - began))
        return {name: summary(found) for name, found in times.items()}

    ledger.once(IMPORT, {"model": subject.name}, measure)


def _child(kind: str, subject: Subject, tasks: int = 0) -> dict[str, Any]:
    packs = [str(tasks), *map(str, subject.packs)] if tasks else []
    command = [sys.executable, "-m", "residency.child", kind, str(subject.base.folder), *packs]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=BENCHMARKS, env=_environment())
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _environment() -> Mapping[str, str]:
    """As an installed program runs: with compiled modules."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
