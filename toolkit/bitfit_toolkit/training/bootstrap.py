"""The standard error of a difference between two runs that answered the same rows."""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

RESAMPLES: Final = 60


def standard_error(values: Callable[[Sequence[int]], tuple[float, float]], rows: int, seed: int) -> float:
    """Return the standard error of the difference of two values over the same rows, by a bootstrap (Efron, 1979).

    `values` returns both of some rows, of which some may come more than once.
    """
    generator = np.random.default_rng(seed)
    drawn = (values(generator.integers(rows, size=rows).tolist()) for _ in range(RESAMPLES))
    return float(np.std([one - other for one, other in drawn]))
