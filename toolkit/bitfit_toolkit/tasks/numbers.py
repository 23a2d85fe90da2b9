"""Numbers as labels, which regression and embeddings share."""

import math
import warnings
from collections.abc import Sequence
from decimal import Decimal

import numpy as np
import numpy.typing as npt

from bitfit_toolkit.errors import DataError
from bitfit_toolkit.tasks.base import Cells, Example

MOST = float(np.finfo(np.float32).max)
Float64 = npt.NDArray[np.float64]


def read_number(cells: Cells) -> Example:
    """Read a row whose label is a number. Raises DataError."""
    value = _finite(cells.label)
    if not abs(value) <= MOST:
        raise DataError(f"{cells.where}: the label should be a number, found {cells.label!r}; fix that row")
    return cells.example(value)


def _finite(label: object) -> float:
    """Return a number, also one that a string spells with a decimal point; NaN of anything else."""
    if not isinstance(label, (int, float, str, Decimal)) or "_" in str(label):
        return math.nan
    try:
        return float(label)
    except (ValueError, OverflowError):
        return math.nan


def number(example: Example) -> float:
    """Return an example's label. Raises DataError when it is not a number."""
    if not isinstance(example.label, (int, float)) or not abs(example.label) <= MOST:
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
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of numbers that hardly vary
        both = (float(correlation(expected, found).statistic) for correlation in (pearsonr, spearmanr))
        pearson, spearman = (value if math.isfinite(value) else 0.0 for value in both)
    return {"pearson": pearson, "spearman": spearman}
