"""What was measured, as Markdown and JSON."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from harness.ledger import Ledger
from harness.tables import Table, heading
from residency.measure import BARE, CALLS, IMPORT, MEMORY, OURS, START

Arms = dict[str, dict[str, Any]]
Figure = tuple[str, float, float]  # what, aim, measured


def write_report(ledger: Ledger, folder: Path) -> None:
    """Write `report.md` and `report.json` of what the ledger holds into `folder`."""
    tables = [table for table in (aims(ledger), memory(ledger), calls(ledger), starts(ledger)) if table.rows]
    facts = {**ledger.facts, "graphs": dict(ledger.graphs)}
    text = "\n".join([heading("Many resident tasks", facts), *(table.markdown() for table in tables)])
    (folder / "report.md").write_text(text, encoding="utf-8")
    document = {"facts": facts, "tables": [asdict(table) for table in tables]}
    (folder / "report.json").write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def aims(ledger: Ledger) -> Table:
    rows = [
        (model, what, f"≤ {aim}", f"{found:.3f}", "yes" if found <= aim else "no")
        for model in ledger.graphs
        for figures in (memory_figures, call_figures, start_figures)
        for what, aim, found in figures(ledger, model)
    ]
    return Table("Aims", "Times are minima.", ("model", "what", "aim", "measured", "met"), rows)


def memory_figures(ledger: Ledger, model: str) -> Iterator[Figure]:
    groups = by_tasks(ledger, model)
    if 1 in groups and 1000 in groups:
        yield "memory that a task of 1,000 adds / its pack", 1.1, added_task(groups, 1000) / groups[1]["a pack"]["mb"]
    if 1 in groups and 100 in groups:
        yield "memory of the process, 100 tasks used / one", 1.25, groups[100]["used"]["mb"] / groups[1]["used"]["mb"]


def call_figures(ledger: Ledger, model: str) -> Iterator[Figure]:
    groups = {shape["call"]: arms for shape, arms in ledger.groups(CALLS) if shape["model"] == model}
    for kind in ("decoded", "encoded"):
        if "look-up" in groups:
            yield f"look-up of a pack that is {kind}, ms", 0.1, groups["look-up"][kind]["min"]
        if "1 text" in groups:
            yield f"added to a call by another task that is {kind}, ms", 0.1, added_time(groups["1 text"], kind, "min")


def start_figures(ledger: Ledger, model: str) -> Iterator[Figure]:
    for shape, arms in ledger.groups(START):
        if shape["model"] == model:
            yield (
                "peak memory to the first answer / graph and weights",
                2.0,
                arms[OURS]["peak_mb"] / arms["files"]["mb"],
            )
            yield "from load to first answer / a bare session", 1.25, arms[OURS]["min"] / arms[BARE]["min"]
    for shape, arms in ledger.groups(IMPORT):
        if shape["model"] == model:
            for name, what in (("package", "bitfit_runtime"), (OURS, "bitfit_runtime's Engine")):
                yield f"import of {what} / of onnxruntime and tokenizers", 1.1, arms[name]["min"] / arms[BARE]["min"]


def memory(ledger: Ledger) -> Table:
    rows = []
    for model in ledger.graphs:
        groups = by_tasks(ledger, model)
        for tasks, arms in groups.items():
            pack = arms["a pack"]["mb"]
            share = f"{added_task(groups, tasks) / pack:.3f}" if tasks > 1 and 1 in groups else "–"
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
            more = "–" if same else f"{added_time(arms, name, 'median'):+.3f} ({added_time(arms, name, 'min'):+.3f})"
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
    return {shape["tasks"]: arms for shape, arms in ledger.groups(MEMORY) if shape["model"] == model}


def added_task(groups: dict[int, Arms], tasks: int) -> float:
    """Megabytes of each task after the first."""
    return float(groups[tasks]["installed"]["mb"] - groups[1]["installed"]["mb"]) / (tasks - 1)


def added_time(arms: Arms, name: str, kind: str) -> float:
    return float(arms[name][kind] - next(iter(arms.values()))[kind])
