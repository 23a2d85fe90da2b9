"""The report of the precisions suite: a row a base, as JSON and Markdown."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from harness.clock import Ratio
from harness.ledger import Ledger
from harness.reports import markdown_rows, write_json
from precisions.measure import SEQUENCES

SIZE, LATENCY, PROCESS, ACCURACY = "size", "latency", "process", "accuracy"


@dataclass(slots=True)
class Row:
    """What was measured of one base: figures by name, and by task (with its metric) the points of each seed."""

    model: str
    precision: str
    tasks: dict[str, list[float]] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return {"model": self.model, "precision": self.precision, "tasks": self.tasks, **self.figures}

    def time_ratio(self, other: "Row", sequence: int) -> Ratio:
        """Compare the times of a text of `sequence` tokens, taken in the same turns."""
        keys = (f"{statistic}_ms_{sequence}" for statistic in ("median", "min"))
        return Ratio(*(self.figures[key] / other.figures[key] for key in keys))


def write(ledger: Ledger, folder: Path) -> None:
    """Write `report.json` and `report.md` of what the ledger holds into `folder`."""
    rows = rows_of(ledger)
    write_json(folder / "report.json", [row.as_dict() for row in rows])
    (folder / "report.md").write_text("\n".join(markdown(rows)) + "\n", encoding="utf-8")


def rows_of(ledger: Ledger) -> list[Row]:
    rows: dict[tuple[str, str], Row] = {}
    for shape, arms in (group for table in (SIZE, LATENCY, PROCESS, ACCURACY) for group in ledger.groups(table)):
        for precision, figures in arms.items():
            model = shape["model"]
            row = rows.setdefault((model, precision), Row(model, precision))
            if "task" in shape:
                task = f"{shape['task']} ({figures['metric']})"
                row.tasks.setdefault(task, []).append(100 * figures["engine"])
            elif "sequence" in shape:
                row.figures |= {f"{name}_ms_{shape['sequence']}": figures[name] for name in ("median", "min")}
            else:
                row.figures |= figures
    return list(rows.values())


def markdown(rows: Sequence[Row]) -> list[str]:
    """Return a line a base. Times are relative to int8's in the same turns: medians, in brackets minima."""
    tasks = list(dict.fromkeys(task for row in rows for task in row.tasks))
    header = ["base", "precision", "bundle MB", "from torch", *(f"time / int8's, {n} tokens" for n in SEQUENCES)]
    header += ["ms to first answer", "peak MB", "resident MB", *tasks]
    int8 = {row.model: row for row in rows if row.precision == "int8"}
    return markdown_rows(header, [[*_cells(row, int8[row.model], tasks)] for row in rows])


def _cells(row: Row, int8: Row, tasks: Sequence[str]) -> Iterator[str]:
    yield from (row.model, row.precision)
    yield f"{row.figures['bytes'] / 1e6:.1f}"
    yield f"{row.figures['parity_mean']:.3f}"
    yield from (str(row.time_ratio(int8, sequence)) for sequence in SEQUENCES)
    yield from (f"{row.figures[name]:.0f}" for name in ("first_answer_ms", "peak_mb", "resident_mb"))
    yield from (_points(row.tasks.get(task, [])) for task in tasks)


def _points(found: Sequence[float]) -> str:
    if not found:
        return "–"
    return f"{mean(found):.1f}" + (f" ± {stdev(found):.1f}" if len(found) > 1 else " (one seed)")
