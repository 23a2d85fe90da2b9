"""The standard error of a difference between two runs that answered the same rows."""

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

import numpy as np

RESAMPLES: Final = 60


Values: TypeAlias = Callable[[Sequence[int]], tuple[float, float]]


def is_as_good(values: Values, rows: int, tolerance: float, seed: int, errors: float = 1.0) -> bool:
    """Whether the first of two values is at most `tolerance` below the second, or so many standard errors.

    One standard error is the rule of Breiman et al., Classification and Regression Trees (1984), 3.4.3.
    """
    value, other = values(range(rows))
    return other - value <= tolerance or other - value <= errors * standard_error(values, rows, seed)


def standard_error(values: Values, rows: int, seed: int) -> float:
    """Return the standard error of the difference of two values over the same rows, by a bootstrap (Efron, 1979).

    `values` returns both of some rows, of which some may come more than once.
    """
    generator = np.random.default_rng(seed)
    drawn = (values(generator.integers(rows, size=rows).tolist()) for _ in range(RESAMPLES))
    return float(np.std([one - other for one, other in drawn]))
