"""Plots of a comparison: a panel a task, a colour a method."""

import io
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from bitfit_runtime.errors import MissingExtraError
from bitfit_runtime.files import write_output
from bitfit_toolkit.compare.table import Row, shared_training

COLUMNS = 3
PANEL = (4.0, 3.2)  # inches


def draw(rows: Sequence[Row], folder: Path) -> list[Path]:
    """Write the metric against trained parameters, bytes and training examples. Raises MissingExtraError.

    Examples are shown for the tasks and methods that were trained with several numbers of them.
    """
    try:
        import matplotlib
    except ImportError as error:
        raise MissingExtraError.from_import("drawing plots", error, "compare") from None
    matplotlib.use("agg")
    shared = shared_training(rows)
    runs = Counter((row.task, row.method) for row in rows)
    curves = [row for row in rows if runs[row.task, row.method] > 1]
    paths = [
        _draw(shared, lambda row: max(1, row.encoder_parameters), "trained encoder parameters", folder),
        _draw(shared, lambda row: row.bytes, "bytes", folder),
    ]
    return [*paths, _draw(curves, lambda row: row.examples, "training examples", folder)] if curves else paths


def _draw(rows: Sequence[Row], value: Callable[[Row], float], label: str, folder: Path) -> Path:
    from matplotlib import pyplot

    tasks, methods = (list(dict.fromkeys(names)) for names in ((r.task for r in rows), (r.method for r in rows)))
    columns = min(COLUMNS, len(tasks))
    lines = -(-len(tasks) // columns)
    figure, grid = pyplot.subplots(
        lines, columns, figsize=(columns * PANEL[0], lines * PANEL[1]), layout="constrained", squeeze=False
    )
    for axes in grid.flat[len(tasks) :]:
        axes.axis("off")
    for axes, task in zip(grid.flat, tasks, strict=False):
        for index, method in enumerate(methods):
            own = sorted((row for row in rows if (row.task, row.method) == (task, method)), key=value)
            axes.errorbar(
                [value(row) for row in own],
                [row.shipped for row in own],
                [row.shipped_deviation for row in own],
                marker="o",
                capsize=2,
                color=f"C{index}",
                label=method,
            )
        metric = next(row.metric for row in rows if row.task == task)
        axes.set(xscale="log", xlabel=label, ylabel=metric, title=task)
    figure.legend(*grid[0][0].get_legend_handles_labels(), loc="outside upper center", ncols=2 * columns)
    path = folder / f"metric-by-{label.split()[-1]}.png"
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", dpi=100)
    write_output(path, drawn.getvalue())
    pyplot.close(figure)
    return path
