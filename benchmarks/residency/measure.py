"""The measurements of the residency suite: each starts fresh processes, and is kept in the ledger."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from bitfit_runtime import Base
from harness.clock import Arms, Figures, summary
from harness.ledger import Ledger
from harness.models import export_model, graph_bytes
from harness.packs import write_random_packs
from harness.processes import process_milliseconds, run_script

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
CHILD = Path(__file__).with_name("child.py")

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Subject:
    """A model's base, and packs of it with every bias and a head of two labels in int8 codes."""

    name: str
    base: Base
    packs: list[Path]

    @classmethod
    def prepare(cls, name: str, work: Path) -> "Subject":
        """Export a model and write its packs into `work`, unless they are there."""
        base = export_model(name, work.resolve())
        return cls(name, base, write_random_packs(base, PACKS))

    @property
    def pack_megabytes(self) -> float:
        """The mean size of a pack."""
        return sum(path.stat().st_size for path in self.packs) / PACKS / 1e6


def memory(ledger: Ledger, subject: Subject) -> None:
    """Measure resident megabytes of a process with many tasks, and the size of one pack."""

    def measure(tasks: int) -> Arms:
        found: Arms = run_script(CHILD, "memory", subject.base.folder, tasks, *subject.packs)
        return {**found, "a pack": {"mb": subject.pack_megabytes}}

    for tasks in TASKS:
        ledger.once(MEMORY, {"model": subject.name, "tasks": tasks}, partial(measure, tasks))


def calls(ledger: Ledger, subject: Subject) -> None:
    """Measure milliseconds of calls with 1,000 tasks installed, by what the call before was about."""
    if not ledger.missing(CALLS, [{"model": subject.name, "call": "look-up"}]):
        return
    found: dict[str, Arms] = run_script(CHILD, "calls", subject.base.folder, TASKS[-1], *subject.packs)
    for call, arms in found.items():
        ledger.once(CALLS, {"model": subject.name, "call": call}, partial(dict, arms))


def start(ledger: Ledger, subject: Subject) -> None:
    """Measure milliseconds from the opening of the files (in the page cache) to the first answer, and peak
    megabytes.
    """

    def measure() -> Arms:
        runs: dict[str, Callable[[], Figures]] = {
            OURS: partial(run_script, CHILD, "start", subject.base.folder),
            BARE: partial(run_script, CHILD, "bare", subject.base.folder),
        }
        files = {"files": {"mb": graph_bytes(subject.base) / 1e6}}
        return files | {
            name: summary([figures["ms"] for figures in found])
            | {"peak_mb": max(figures["peak_mb"] for figures in found)}
            for name, found in _in_turns(runs, STARTS).items()
        }

    ledger.once(START, {"model": subject.name}, measure)


def imports(ledger: Ledger, subject: Subject) -> None:
    """Measure milliseconds of whole processes that import and end."""

    def measure() -> Arms:
        runs = {name: partial(process_milliseconds, code) for name, code in IMPORTED.items()}
        return {name: summary(times) for name, times in _in_turns(runs, IMPORTS).items()}

    ledger.once(IMPORT, {"model": subject.name}, measure)


def _in_turns(runs: Mapping[str, Callable[[], Found]], turns: int) -> dict[str, list[Found]]:
    """Call each run in turns, and collect what it returns; a first turn compiles modules and fills the page cache."""
    found: dict[str, list[Found]] = {name: [] for name in runs}
    for turn in range(turns + 1):
        for name, run in runs.items():
            result = run()
            if turn:
                found[name].append(result)
    return found
