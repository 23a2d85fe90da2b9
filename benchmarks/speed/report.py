"""The report of the speed suite, as Markdown, JSON and a plot."""

from collections.abc import Sequence
from pathlib import Path

from harness.clock import Figures, fastest, ratio
from harness.ledger import Ledger, Shape
from harness.reports import Table, write_report
from speed.arms import FLOOR, HEAD, LORA, OPTIMUM, OURS, TORCH, TORCH_INT8
from speed.latency import LATENCY, THROUGHPUT
from speed.lengths import LENGTHS
from speed.plots import draw
from speed.processes import COLD_START, DISK, MEMORY
from speed.targets import TARGETS
from speed.tasks import ADAPTERS, LOAD, MANY, MIXED, ONE, OTHER, SAME, SESSIONS, SWITCH

PEERS = {
    "optimum": OPTIMUM,
    "LoRA q, v": LORA + "query and value",
    "LoRA all": LORA + "all linear layers",
    "frozen + head": HEAD,
    "PyTorch": TORCH,
    "PyTorch int8": TORCH_INT8,
    "floor": FLOOR,
}


def write(ledger: Ledger, folder: Path) -> None:
    """Write `report.md`, `report.json` and `latency.png` of what the ledger holds into `folder`."""
    dates = sorted(line["date"] for line in ledger.lines())
    period = {"from": dates[0] if dates else None, "to": dates[-1] if dates else None}
    facts = {**ledger.facts, "graphs": dict(ledger.graphs), **period}
    write_report(folder, "Speed, memory and size beside peers", facts, all_tables(ledger))
    draw(ledger, folder / "latency.png")


def all_tables(ledger: Ledger) -> list[Table]:
    batches, texts = ("model", "threads", "batch", "sequence"), ("model", "data", "texts", "tokens")
    return [
        targets(ledger),
        beside_peers(ledger, LATENCY, "One text, milliseconds", ("model", "threads", "sequence")),
        optimum_arms(ledger),
        beside_peers(ledger, THROUGHPUT, "Batches of one task, milliseconds", batches),
        beside_peers(ledger, LENGTHS, "Texts of real lengths, milliseconds for all", texts),
        mixed(ledger),
        switch(ledger),
        processes(ledger, MEMORY, "peak_mb", "Memory: peak resident megabytes of a fresh process", ("model", "tasks")),
        processes(
            ledger, COLD_START, "median", "Cold start: milliseconds from process start to first answer", ("model",)
        ),
        disk(ledger),
    ]


def targets(ledger: Ledger) -> Table:
    rows = []
    for target in TARGETS:
        found = target.measured(ledger)
        met = "–" if found is None else "yes" if found.median <= target.at_most else "no"
        rows.append((target.title, f"≤ {target.at_most:.2f}", "–" if found is None else str(found), met))
    note = "Batch 1, one thread, all biases fed. By median (by minimum). `–`: not measured in this run."
    return Table("Aims", note, ("what", "aim", "measured", "met"), rows)


def beside_peers(ledger: Ledger, name: str, title: str, keys: tuple[str, ...]) -> Table:
    groups = ledger.groups(name)
    peers = {short: arm for short, arm in PEERS.items() if any(ratio(arms, OURS, arm) for _, arms in groups)}
    rows = []
    for shape, arms in groups:
        cells = [str(ratio(arms, OURS, arm) or "–") for arm in peers.values()]
        rows.append((*_values(shape, keys), _times(arms[OURS]), *cells, fastest(arms, OPTIMUM)))
    note = "Ours in milliseconds, median (minimum); then ours / the peer: below 1 ours is faster."
    return Table(title, note, (*keys, "ours", *(f"/ {short}" for short in peers), "fastest of optimum"), rows)


def optimum_arms(ledger: Ledger) -> Table:
    groups = ledger.groups(LATENCY)
    names = [name for name in (groups[0].arms if groups else {}) if name.startswith(OPTIMUM)]
    keys = ("model", "threads", "sequence")
    rows = [(*_values(shape, keys), *(_times(arms[name]) for name in names)) for shape, arms in groups]
    note = "One text, milliseconds, median (minimum). The fastest of a row is the peer."
    return Table("Optimum's arms", note, (*keys, *(name.removeprefix(OPTIMUM) for name in names)), rows)


def mixed(ledger: Ledger) -> Table:
    rows = []
    for shape, arms in ledger.groups(MIXED):
        cells = [str(ratio(arms, MANY, other)) for other in (ONE, SESSIONS, ADAPTERS)]
        identical = "yes" if arms[MANY]["bit_identical"] else "no"
        sessions = str(arms[SESSIONS]["sessions"])
        rows.append((*_values(shape, ("model", "sequence")), _times(arms[MANY]), *cells, sessions, identical))
    note = "Ours with 32 rows of 32 tasks in milliseconds, median (minimum); then that / the other. One thread."
    header = ("model", "sequence", "ours, 32 tasks", "/ one task", "/ 32 optimum sessions", "/ 32 LoRA runs")
    return Table("A batch of 32 tasks", note, (*header, "sessions in memory", "rows bit-identical to lone ones"), rows)


def switch(ledger: Ledger) -> Table:
    rows = []
    for shape, arms in ledger.groups(SWITCH):
        for name in [name.removesuffix(SAME) for name in arms if name.endswith(SAME)]:
            same, other = arms[name + SAME], arms[name + OTHER]
            difference = "{:+.2f} ({:+.2f})".format(
                *(other[statistic] - same[statistic] for statistic in ("median", "min"))
            )
            rows.append((shape["model"], name, _times(same), _times(other), difference))
        for name in [name for name in arms if name.endswith(LOAD)]:
            rows.append((shape["model"], name.replace(LOAD, ", load a session"), "–", _times(arms[name]), "–"))
    note = (
        "A text of 16 tokens, milliseconds, median (minimum), one thread, right after one of the same or another task."
    )
    return Table("Switching tasks", note, ("model", "arm", "same task", "other task", "difference"), rows)


def processes(ledger: Ledger, name: str, figure: str, title: str, keys: tuple[str, ...]) -> Table:
    groups = ledger.groups(name)
    names = list(groups[0].arms) if groups else []
    rows = []
    for shape, arms in groups:
        found = [f"{arms[arm][figure]:,.0f}" for arm in names]
        ours = arms[names[0]][figure]
        rows.append((*_values(shape, keys), *found, *(f"{ours / arms[arm][figure]:.3f}" for arm in names[1:])))
    scaled = {arms["optimum"].get("scaled_from_sessions") for _, arms in groups if "optimum" in arms} - {None}
    note = "Each in a process of its own that imports only what it needs."
    if scaled:
        note += f" 100 optimum sessions are scaled from one and {scaled.pop()}, on a straight line."
    return Table(title, note, (*keys, *names, *(f"ours / {arm}" for arm in names[1:])), rows)


def disk(ledger: Ledger) -> Table:
    rows = []
    for shape, arms in ledger.groups(DISK):
        whole = arms["float32 parameters"]["shared"]
        for name, size in arms.items():
            shared, task = size["shared"] / 1e6, size["task"] / 1e6
            graph = f"{1e6 * max(shared, task) / whole:.3f}"
            rows.append((shape["model"], name, f"{shared:.1f}", f"{task:.3f}", graph, f"{shared + 100 * task:,.0f}"))
    note = (
        "Megabytes that all tasks share, that each task adds, and of 100 tasks; and the graph / its float32 parameters."
    )
    return Table("Disk", note, ("model", "arm", "shared", "each task", "graph / float32", "100 tasks"), rows)


def _times(figures: Figures) -> str:
    return f"{figures['median']:.2f} ({figures['min']:.2f})"


def _values(shape: Shape, keys: Sequence[str]) -> list[str]:
    return [str(shape[key]) for key in keys]
