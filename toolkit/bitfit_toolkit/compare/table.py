"""Tables of a comparison: cells as means and deviations, in Markdown and JSON."""

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean, stdev

from bitfit_runtime.files import write_output
from bitfit_toolkit.compare.cells import Cell
from bitfit_toolkit.compare.plan import BEST, STEPS, TIME, Plan


@dataclass(frozen=True, slots=True)
class Row:
    """A method on a task: mean and sample deviation over `seeds`, in points (0 … 100).

    `shipped` is the engine's metric where the method leaves a pack (`packed`), else torch's. `bytes` and `from_layer`
    are means too. Where rates were `measured`, `learning_rate` is how many times they were taken.
    """

    task: str
    method: str
    examples: int
    steps: int
    metric: str
    learning_rate: float
    seeds: int
    shipped: float
    shipped_deviation: float
    torch: float
    packed: bool
    encoder_parameters: int
    head_parameters: int
    bytes: float
    from_layer: float = 0.0
    measured: bool = False


def summarize(cells: Sequence[Cell]) -> list[Row]:
    """Return a row for each task, method and amount of training, at the rate that was best on the rows held out."""
    groups: dict[tuple[str, str, int, int], list[Cell]] = {}
    for cell in cells:
        groups.setdefault((cell.task, cell.method, cell.examples, cell.steps), []).append(cell)
    return [_row(group) for group in groups.values()]


def _row(cells: Sequence[Cell]) -> Row:
    best = max((cell for cell in cells if cell.seed == 0), key=lambda cell: cell.held_out)
    tuned = (best.measured, best.learning_rate)
    runs = [cell for cell in cells if (cell.measured, cell.learning_rate) == tuned]
    shipped = [100 * cell.shipped for cell in runs]
    return Row(
        task=best.task,
        method=best.method,
        examples=best.examples,
        steps=best.steps,
        metric=best.metric,
        learning_rate=best.learning_rate,
        seeds=len(runs),
        shipped=mean(shipped),
        shipped_deviation=stdev(shipped) if len(shipped) > 1 else 0.0,
        torch=mean(100 * cell.torch for cell in runs),
        packed=best.engine is not None,
        encoder_parameters=best.encoder_parameters,
        head_parameters=best.head_parameters,
        bytes=mean(cell.bytes for cell in runs),
        from_layer=mean(cell.from_layer for cell in runs),
        measured=best.measured,
    )


def shared_training(rows: Sequence[Row]) -> list[Row]:
    """Return the rows of the number of examples and steps that most tasks have, the larger of equals."""
    tasks = {of: len({row.task for row in rows if _training(row) == of}) for of in map(_training, rows)}
    most = max(tasks, key=lambda of: (tasks[of], of))
    return [row for row in rows if _training(row) == most]


def _training(row: Row) -> tuple[int, int]:
    return row.examples, row.steps


def markdown(rows: Sequence[Row]) -> str:
    """Return a table with a line a method and amount of training, and a column a task.

    `mean` is given where every task is there; `engine − torch` is the mean over the tasks of what a pack loses on the
    device against float32 torch with the weights that it was trained on. The first layer that learned, a mean where it
    was chosen, has a column where it is not 0 everywhere.
    """
    tasks = {row.task: f"{row.task} ({row.metric})" for row in rows}
    starts = ["from layer"] if any(row.from_layer for row in rows) else []
    head = [
        "examples",
        "steps",
        "method",
        *starts,
        "encoder parameters",
        "kB",
        *tasks.values(),
        "mean",
        "engine − torch",
    ]
    lines = [head, ["---"] * len(head)]
    for examples, steps in sorted(set(map(_training, rows)), reverse=True):
        for method in dict.fromkeys(row.method for row in rows):
            own = {row.task: row for row in rows if (row.method, *_training(row)) == (method, examples, steps)}
            if own:
                cells = [_cell(own.get(task)) for task in tasks]
                start = f"{mean(row.from_layer for row in own.values()):.3g}"
                front = [f"{examples:,}", f"{steps:,}", method, *[start for _ in starts]]
                lines.append([*front, *_sizes(own.values()), *cells, *_means(own.values(), len(tasks))])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def budget_table(cells: Sequence[Cell], plan: Plan) -> str:
    """Return a table of methods by what they are compared by: a line a method and number of examples, for one task.

    The best number of steps is that of the best run on the rows held out, with seed 0.
    """
    from bitfit_toolkit.compare.methods import method  # it needs torch

    rows = {(row.method, row.examples, row.steps): row for row in summarize(cells)}
    titles = {STEPS: "equal steps", TIME: "equal time", BEST: "own best steps"}
    head = ["examples", "method", *(titles[budget] for budget in plan.budgets)]
    lines = [head, ["---"] * len(head)]
    for name, examples in dict.fromkeys((row.method, row.examples) for row in rows.values()):
        own = [cell for cell in cells if (cell.method, cell.examples, cell.seed) == (name, examples, 0)]
        steps = {
            STEPS: plan.steps_for(examples),
            TIME: plan.steps_in_time(examples, method(name).trains_biases_alone),
            BEST: max(own, key=lambda cell: (cell.held_out, -cell.steps)).steps,
        }
        shown = [(rows.get((name, examples, steps[budget])), steps[budget]) for budget in plan.budgets]
        lines.append([f"{examples:,}", name, *(f"{_cell(row)} in {count:,}" for row, count in shown)])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cell(row: Row | None) -> str:
    if row is None:
        return "–"
    return f"{row.shipped:.1f} ± {row.shipped_deviation:.1f}" if row.seeds > 1 else f"{row.shipped:.1f} (one seed)"


def _sizes(rows: Collection[Row]) -> list[str]:
    parameters = next(iter(rows)).encoder_parameters
    return [f"{parameters:,}", f"{mean(row.bytes for row in rows) / 1000:,.1f}"]


def _means(rows: Collection[Row], tasks: int) -> list[str]:
    losses = [row.shipped - row.torch for row in rows if row.packed]
    shown = f"{mean(row.shipped for row in rows):.2f}" if len(rows) == tasks else "–"
    return [shown, f"{mean(losses):+.2f}" if losses else "–"]


def write_tables(rows: Sequence[Row], folder: Path) -> None:
    """Write `table.md` and `table.json`."""
    write_output(folder / "table.md", markdown(rows).encode())
    write_output(folder / "table.json", (json.dumps([asdict(row) for row in rows], indent=1) + "\n").encode())
