"""Numbers as labels, which regression and embeddings share."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from bitfit_toolkit.errors import DataError
from bitfit_toolkit.tasks.base import Cells, Example

Float64 = npt.NDArray[np.float64]


def read_number(cells: Cells) -> Example:
    """Read a row whose label is a number. Raises DataError."""
    try:
        value = float(cells.label)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        value = math.nan
    if not math.isfinite(value):
        raise DataError(f"{cells.where}: the label should be a number, found {cells.label!r}; fix that row")
    return cells.example(value)


def number(example: Example) -> float:
    """Return an example's label. Raises DataError when it is not a number."""
    if not isinstance(example.label, (int, float)):
        raise DataError(f"the label of {example.text[:40]!r} should be a number, found {example.label!r}")
    return float(example.label)


def numbers(examples: Sequence[Example]) -> Float64:
    """Return the examples' labels `[examples]`."""
    return np.array([number(example) for example in examples])


def correlations(expected: Float64, found: Float64) -> dict[str, float]:
    """Return Pearson's and Spearman's correlation, 0 where one side does not vary."""
    from scipy.stats import pearsonr, spearmanr

    if len(expected) < 2 or np.ptp(expected) == 0 or np.ptp(found) == 0:
        return {"pearson": 0.0, "spearman": 0.0}
    pearson: Any = pearsonr(expected, found)
    spearman: Any = spearmanr(expected, found)
    return {"pearson": float(pearson.statistic), "spearman": float(spearman.statistic)}
