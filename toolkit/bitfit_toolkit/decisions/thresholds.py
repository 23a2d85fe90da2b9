"""Thresholds: for each label of a multi-label task the probability from which on it is chosen."""

from typing import Final

import numpy as np
import numpy.typing as npt

from bitfit_runtime.tasks.multi_label import NEUTRAL

Float64 = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
NEUTRAL_ROWS: Final = 10  # rows with the label that the neutral threshold counts as much as


def fit_thresholds(probabilities: Float64, present: Bools) -> tuple[float, ...]:
    """Return for each label the threshold of the best F1 on held rows `[rows, labels]`, drawn to the neutral one.

    The fewer rows have the label, the more it is drawn; without any it is neutral.
    """
    return tuple(_threshold(own, has) for own, has in zip(probabilities.T, present.T, strict=True))


def _threshold(probabilities: Float64, present: Bools) -> float:
    count = int(present.sum())
    if not count:
        return NEUTRAL
    order = np.argsort(-probabilities, kind="stable")
    surest, right = probabilities[order], np.cumsum(present[order])
    chosen = np.arange(1, len(order) + 1)
    scores = np.where(surest > np.append(surest[1:], -1), 2 * right / (chosen + count), -1.0)  # ties go together
    best = int(scores.argmax())
    below = surest[best + 1] if best + 1 < len(surest) else 0.0
    return float((count * (surest[best] + below) / 2 + NEUTRAL_ROWS * NEUTRAL) / (count + NEUTRAL_ROWS))
