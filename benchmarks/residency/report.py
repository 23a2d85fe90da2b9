"""The report of the residency suite, as Markdown and JSON."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from harness.clock import Arms
from harness.ledger import Ledger
from harness.reports import Table, write_report
from residency.measure import BARE, CALLS, IMPORT, MEMORY, OURS, START


class Bounded(NamedTuple):
    """A measured figure beside the most that it should be."""

    what: str
    at_most: float
    measured: float


def write(ledger: Ledger, folder: Path) -> None:
    """Write `report.md` and `report.json` of what the ledger holds into `folder`."""
    facts = {**ledger.facts, "graphs": dict(ledger.graphs)}
    write_report(folder, "Many resident tasks", facts, [aims(ledger), memory(ledger), calls(ledger), starts(ledger)])


def aims(ledger: Ledger) -> Table:
    rows = [
        (model, what, f"≤ {at_most}", f"{measured:.3f}", "yes" if measured <= at_most else "no")
        for model in ledger.graphs
        for figures in (memory_figures, call_figures, start_figures)
        for what, at_most, measured in figures(ledger, model)
    ]
    return Table("Aims", "Times are minima.", ("model", "what", "aim", "measured", "met"), rows)


def memory_figures(ledger: Ledger, model: str) -> Iterator[Bounded]:
    groups = by_tasks(ledger, model)
    if 1 in groups and 1000 in groups:
        added = added_megabytes(groups, 1000) / groups[1]["a pack"]["mb"]
        yield Bounded("memory that a task of 1,000 adds / its pack", 1.1, added)
    if 1 in groups and 100 in groups:
        ratio = groups[100]["used"]["mb"] / groups[1]["used"]["mb"]
        yield Bounded("memory of the process, 100 tasks used / one", 1.25, ratio)


def call_figures(ledger: Ledger, model: str) -> Iterator[Bounded]:
    groups = {shape["call"]: arms for shape, arms in ledger.groups(CALLS) if shape["model"] == model}
    for state in ("decoded", "encoded"):
        if "look-up" in groups:
            yield Bounded(f"look-up of a pack that is {state}, ms", 0.1, groups["look-up"][state]["min"])
        if "1 text" in groups:
            added = added_milliseconds(groups["1 text"], state, "min")
            yield Bounded(f"added to a call by another task that is {state}, ms", 0.1, added)


def start_figures(ledger: Ledger, model: str) -> Iterator[Bounded]:
    for shape, arms in ledger.groups(START):
        if shape["model"] == model:
            peak, first = arms[OURS]["peak_mb"] / arms["files"]["mb"], arms[OURS]["min"] / arms[BARE]["min"]
            yield Bounded("peak memory to the first answer / graph and weights", 2.0, peak)
            yield Bounded("from load to first answer / a bare session", 1.25, first)
    for shape, arms in ledger.groups(IMPORT):
        if shape["model"] == model:
            for name, what in (("package", "bitfit_runtime"), (OURS, "bitfit_runtime's Engine")):
                ratio = arms[name]["min"] / arms[BARE]["min"]
                yield Bounded(f"import of {what} / of onnxruntime and tokenizers", 1.1, ratio)


def memory(ledger: Ledger) -> Table:
    rows = []
    for model in ledger.graphs:
        groups = by_tasks(ledger, model)
        for tasks, arms in groups.items():
            pack = arms["a pack"]["mb"]
            share = f"{added_megabytes(groups, tasks) / pack:.3f}" if tasks > 1 and 1 in groups else "–"
            sizes = (f"{arms[name]['mb']:.1f}" for name in ("installed", "used"))
            rows.append((model, str(tasks), f"{1e3 * pack:.1f}", *sizes, share))
    note = (
        "Resident megabytes of a process when all tasks are installed and one was used, and when all were used; and "
        "what each task after the first added while installed, as a multiple of its pack's bytes."
    )
    header = ("model", "tasks", "a pack, kB", "installed, MB", "used, MB", "a task / its pack")
    return Table("Memory", note, header, rows)


def calls(ledger: Ledger) -> Table:
    rows = []
    for shape, arms in ledger.groups(CALLS):
        for name, times in arms.items():
            same = shape["call"] == "look-up" or name == next(iter(arms))
            more = (
                "–"
                if same
                else f"{added_milliseconds(arms, name, 'median'):+.3f} ({added_milliseconds(arms, name, 'min'):+.3f})"
            )
            rows.append((shape["model"], shape["call"], name, f"{times['median']:.3f} ({times['min']:.3f})", more))
    note = (
        "Milliseconds, median (minimum), one thread, texts of 16 tokens, 1,000 tasks installed. 1 text: after a call "
        "of another task. 32 texts: 32 rows of one task, of 31 decoded tasks, of 32 tasks that must be decoded. The "
        "look-up is the engine's cache of decoded packs alone."
    )
    return Table("Calls", note, ("model", "call", "its tasks are", "takes", "more than the first"), rows)


def starts(ledger: Ledger) -> Table:
    rows = []
    for table, what in ((START, "from load to first answer"), (IMPORT, "import, whole process")):
        for shape, arms in ledger.groups(table):
            for name, found in arms.items():
                if name != "files":
                    peak = f"{found['peak_mb']:.1f}" if "peak_mb" in found else "–"
                    rows.append((shape["model"], what, name, f"{found['median']:.1f} ({found['min']:.1f})", peak))
    note = "Milliseconds, median (minimum), of fresh processes in turns, one thread; and their largest peak memory."
    return Table("Start", note, ("model", "what", "arm", "takes", "peak, MB"), rows)


def by_tasks(ledger: Ledger, model: str) -> dict[int, Arms]:
    """Return what a model's processes took, by their number of tasks."""
    return {shape["tasks"]: arms for shape, arms in ledger.groups(MEMORY) if shape["model"] == model}


def added_megabytes(groups: dict[int, Arms], tasks: int) -> float:
    """Return the megabytes of each task after the first."""
    return float(groups[tasks]["installed"]["mb"] - groups[1]["installed"]["mb"]) / (tasks - 1)


def added_milliseconds(arms: Arms, name: str, statistic: str) -> float:
    """Return what an arm takes more than the first."""
    return float(arms[name][statistic] - next(iter(arms.values()))[statistic])
