"""Plots of one pack: what it learned when, what it confuses, and what its probabilities are worth."""

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from bitfit_runtime.errors import MissingExtraError
from bitfit_runtime.files import write_output
from bitfit_toolkit.reports.review import Review, shorten
from bitfit_toolkit.tasks.judgement import Judgement

if TYPE_CHECKING:
    from bitfit_toolkit.training.curve import CurvePoint

MOST_CLASSES: Final = 40  # in a confusion table that can be read
MOST_NUMBERED: Final = 15  # of which each cell shows its count
BINS: Final = 10
ONE_ERROR: Final = 0.68  # of a normal distribution, within one standard error


def require_plots() -> None:
    """Raise MissingExtraError where plots cannot be drawn."""
    try:
        import matplotlib
    except ImportError as error:
        raise MissingExtraError.from_import("drawing plots", error, "compare") from None
    matplotlib.use("agg")


def draw_curve(path: Path, points: Sequence["CurvePoint"], metric: str) -> None:
    """Draw training loss and metric against steps."""

    def draw(axes: Any) -> None:
        loss = [(point.step, point.loss) for point in points if point.loss is not None]
        measured = [(point.step, point.metric) for point in points if point.metric is not None]
        axes.plot(*zip(*loss, strict=True), color="C0")
        axes.set(xlabel="step", title="learning curve")
        axes.set_ylabel("training loss", color="C0")
        right = axes.twinx()
        right.plot(*zip(*measured, strict=True), color="C1", marker="o")
        right.set_ylabel(f"{metric} on evaluation rows", color="C1")

    if any(point.loss is not None for point in points) and any(point.metric is not None for point in points):
        _save(path, draw)


def draw_confusion(path: Path, review: Review) -> None:
    """Draw how often each class was answered by each; of many classes those that are confused most."""
    often = [name for one in review.most_confused(len(review.confusion)) for name in (one.expected, one.found)]
    kept = set(list(dict.fromkeys((*often, *review.classes)))[:MOST_CLASSES])
    names = [name for name in review.classes if name in kept]
    index = {name: number for number, name in enumerate(names)}
    counts = np.zeros((len(names), len(names)), np.int64)
    for one in review.confusion:
        if one.expected in index and one.found in index:
            counts[index[one.expected], index[one.found]] = one.count
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    labels = [shorten(name, 24) for name in names]

    def draw(axes: Any) -> None:
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        axes.set_xticks(range(len(names)), labels, rotation=90)
        axes.set_yticks(range(len(names)), labels)
        missing = len(review.classes) - len(names)
        axes.set(xlabel="found", ylabel="expected", title="confusion" + (f" ({missing} more classes)" * bool(missing)))
        if len(names) <= MOST_NUMBERED:
            for (row, column), count in np.ndenumerate(counts):
                colour = "white" if shares[row, column] > 0.5 else "black"
                axes.text(column, row, str(count), ha="center", va="center", color=colour)

    _save(path, draw, 4 + 0.2 * len(names))


def draw_reliability(path: Path, judgements: Sequence[Judgement]) -> None:
    """Draw how often answers of about one probability are right (DeGroot and Fienberg, 1983), with 68 % intervals."""
    confidence, right = _confidences(judgements)
    bins = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    used = [number for number in range(BINS) if (bins == number).any()]
    centres = [float(confidence[bins == number].mean()) for number in used]
    shares = [float(right[bins == number].mean()) for number in used]
    errors = np.array([_margins(int(right[bins == number].sum()), int((bins == number).sum())) for number in used]).T

    def draw(axes: Any) -> None:
        axes.plot([0, 1], [0, 1], color="grey", linestyle="--")
        axes.errorbar(centres, shares, errors, marker="o", capsize=2)
        limits = (-0.03, 1.03)
        axes.set(xlim=limits, ylim=limits, xlabel="probability", ylabel="share that is right", title="reliability")

    _save(path, draw)


def draw_numbers(path: Path, judgements: Sequence[Judgement]) -> None:
    """Draw the numbers that were answered against those that were expected."""
    pairs = [one.numbers for one in judgements if one.numbers is not None]

    def draw(axes: Any) -> None:
        axes.scatter(*zip(*pairs, strict=True), s=12, alpha=0.5)
        axes.set(xlabel="expected", ylabel="found", title="numbers")

    _save(path, draw)


def draw_coverage(path: Path, judgements: Sequence[Judgement]) -> None:
    """Draw the accuracy of the answers that are surest, against the share of answers that these are."""
    confidence, right = _confidences(judgements)
    ordered = right[np.argsort(-confidence, kind="stable")]
    accuracy = np.cumsum(ordered) / np.arange(1, len(ordered) + 1)

    def draw(axes: Any) -> None:
        axes.plot(np.arange(1, len(ordered) + 1) / len(ordered), accuracy)
        axes.set(xlim=(0, 1), xlabel="coverage", ylabel="accuracy", title="accuracy against coverage")

    _save(path, draw)


def _margins(right: int, rows: int) -> tuple[float, float]:
    """Return how far below and above the share that is right one standard error reaches (Wilson, 1927)."""
    from scipy.stats import binomtest

    found = binomtest(right, rows).proportion_ci(ONE_ERROR, method="wilson")
    return max(0.0, right / rows - found.low), max(0.0, found.high - right / rows)


def _confidences(judgements: Sequence[Judgement]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return probability and rightness of the answers that gave one."""
    judged = [(one.confidence, one.right) for one in judgements if one.confidence is not None]
    return np.array([confidence for confidence, _ in judged]), np.array([right for _, right in judged])


def _save(path: Path, draw: Callable[[Any], None], size: float = 5.0) -> None:
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(size, size * 0.8), layout="constrained")
    try:
        draw(axes)
        drawn = io.BytesIO()
        figure.savefig(drawn, format="png", dpi=100)
    finally:
        pyplot.close(figure)
    write_output(path, drawn.getvalue())
