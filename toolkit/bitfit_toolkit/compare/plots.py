"""Pictures of a comparison."""

from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import mean

from bitfit_toolkit.compare.table import Row, shared_training
from bitfit_toolkit.errors import MissingExtraError


def draw(rows: Sequence[Row], folder: Path) -> list[Path]:
    """Write the mean metric over tasks against parameters, bytes and training examples. Raises MissingExtraError."""
    try:
        import matplotlib
    except ImportError as error:
        raise MissingExtraError(f"plots need matplotlib ({error}): pip install 'bitfit-edge[compare]'") from error
    matplotlib.use("agg")
    shared = shared_training(rows)
    return [
        _scatter(shared, lambda row: max(1, row.encoder_parameters), "trained encoder parameters", folder),
        _scatter(shared, lambda row: row.bytes, "bytes", folder),
        _curves(rows, folder),
    ]


def _scatter(rows: Sequence[Row], value: Callable[[Row], float], label: str, folder: Path) -> Path:
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6, 4), layout="constrained")
    tasks = {row.task for row in rows}
    for method in dict.fromkeys(row.method for row in rows):
        own = [row for row in rows if row.method == method]
        if {row.task for row in own} != tasks:
            continue  # a mean over other tasks would mislead
        x, y = mean(value(row) for row in own), mean(row.shipped for row in own)
        axes.scatter([x], [y])
        axes.annotate(method, (x, y), textcoords="offset points", xytext=(5, 5))
    axes.set(xscale="log", xlabel=label, ylabel="metric, mean over tasks")
    path = folder / f"metric-by-{label.split()[-1]}.png"
    figure.savefig(path, dpi=120)
    pyplot.close(figure)
    return path


def _curves(rows: Sequence[Row], folder: Path) -> Path:
    from matplotlib import pyplot

    tasks = list(dict.fromkeys(row.task for row in rows))
    figure, grid = pyplot.subplots(1, len(tasks), figsize=(4 * len(tasks), 4), layout="constrained", squeeze=False)
    for axes, task in zip(grid[0], tasks, strict=True):
        for method in dict.fromkeys(row.method for row in rows if row.task == task):
            own = sorted((r for r in rows if (r.task, r.method) == (task, method)), key=lambda row: row.examples)
            axes.errorbar(
                [row.examples for row in own],
                [row.shipped for row in own],
                [row.shipped_deviation for row in own],
                marker="o",
                label=method,
            )
        axes.set(xscale="log", xlabel="training examples", ylabel=own[0].metric, title=task)
        axes.legend()
    path = folder / "metric-by-examples.png"
    figure.savefig(path, dpi=120)
    pyplot.close(figure)
    return path
