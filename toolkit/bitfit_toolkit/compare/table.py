"""Cells as means and deviations, and as a Markdown table."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean, stdev

from bitfit_toolkit.compare.cells import Cell


@dataclass(frozen=True, slots=True)
class Row:
    """A method on a task: mean and sample deviation over `seeds`, in points (0 … 100).

    `shipped` is the engine's metric where there is a pack, else torch's.
    """

    task: str
    method: str
    examples: int
    metric: str
    learning_rate: float
    seeds: int
    shipped: float
    shipped_deviation: float
    torch: float
    encoder_parameters: int
    head_parameters: int
    bytes: float


def summarize(cells: Sequence[Cell]) -> list[Row]:
    """Return a row for each task, method and number of examples, at the rate that was best on the rows held out."""
    keys = dict.fromkeys((cell.task, cell.method, cell.examples) for cell in cells)
    return [_row([cell for cell in cells if (cell.task, cell.method, cell.examples) == key]) for key in keys]


def _row(cells: Sequence[Cell]) -> Row:
    best = max((cell for cell in cells if cell.seed == 0), key=lambda cell: cell.held_out)
    runs = [cell for cell in cells if cell.learning_rate == best.learning_rate]
    shipped = [100 * cell.shipped for cell in runs]
    return Row(
        task=best.task,
        method=best.method,
        examples=best.examples,
        metric=best.metric,
        learning_rate=best.learning_rate,
        seeds=len(runs),
        shipped=mean(shipped),
        shipped_deviation=stdev(shipped) if len(shipped) > 1 else 0.0,
        torch=mean(100 * cell.torch for cell in runs),
        encoder_parameters=best.encoder_parameters,
        head_parameters=best.head_parameters,
        bytes=mean(cell.bytes for cell in runs),
    )


def markdown(rows: Sequence[Row]) -> str:
    """Return a table with a line a method and number of examples, a column a task, and the mean where all are there."""
    tasks = list(dict.fromkeys(row.task for row in rows))
    names = {row.task: f"{row.task} ({row.metric})" for row in rows}
    head = ["method", "examples", "encoder parameters", "bytes", *(names[task] for task in tasks), "mean"]
    lines = [head, ["---"] * len(head)]
    sizes = {task: sorted({row.examples for row in rows if row.task == task}) for task in tasks}
    by_key = {(row.task, row.method): [r for r in rows if (r.task, r.method) == (row.task, row.method)] for row in rows}
    for rank in range(max(map(len, sizes.values()), default=0)):
        for method in dict.fromkeys(row.method for row in rows):
            found = [
                next((r for r in by_key.get((task, method), ()) if r.examples in sizes[task][rank : rank + 1]), None)
                for task in tasks
            ]
            there = [row for row in found if row is not None]
            if there:
                lines.append([*_front(method, there), *map(_cell, found), _mean(found)])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _front(method: str, rows: Sequence[Row]) -> list[str]:
    examples = sorted({row.examples for row in rows})
    shown = f"{examples[0]:,}" if len(examples) == 1 else f"{examples[0]:,} … {examples[-1]:,}"
    return [method, shown, f"{rows[0].encoder_parameters:,}", f"{mean(row.bytes for row in rows) / 1000:,.1f} kB"]


def _cell(row: Row | None) -> str:
    return "–" if row is None else f"{row.shipped:.1f} ± {row.shipped_deviation:.1f}"


def _mean(rows: Sequence[Row | None]) -> str:
    values = [row.shipped for row in rows if row is not None]
    return f"{mean(values):.2f}" if len(values) == len(rows) else "–"
