"""Calibration error: how far probabilities are from how often they are right."""

from typing import Final

import numpy as np
import numpy.typing as npt

Float64 = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
BINS: Final = 15
DRAWS: Final = 200


def calibration_error(confidences: Float64, right: Bools) -> float:
    """Return the expected calibration error of a choice or more, in bins of equal width.

    Guo et al., 2017, arXiv:1706.04599.
    """
    bins = np.minimum((confidences * BINS).astype(np.int64), BINS - 1)
    gaps = np.bincount(bins, weights=right - confidences, minlength=BINS)
    return float(np.abs(gaps).sum() / len(confidences))


def perfect_error(confidences: Float64) -> float:
    """Return the mean error of models with these confidences that are right exactly as often as they say: chance."""
    generator = np.random.default_rng(0)
    draws = (generator.random(len(confidences)) < confidences for _ in range(DRAWS))
    return float(np.mean([calibration_error(confidences, right) for right in draws]))
