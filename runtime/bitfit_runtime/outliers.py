"""Outlier scores: how unlike a text is to those that a pack's classes were learned from.

A text is compared with a centre of each class, by the cosine. Of few classes these are centres of pooled vectors; of
many, of logits, which tell apart what the classes need and take fewer bytes. Logits also say how unsure they are, which
counts too; of few classes that is left to the threshold of probabilities.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from bitfit_runtime.decisions import Outliers
from bitfit_runtime.graph import LOGITS

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
# Temperatures at which logits are compared: of texts that are sure of a class, more differ at a higher one.
SOFTENED: Final = 2.0  # times the pack's own
FLATTENED: Final = 4.0
LEAST: Final = 1e-9  # of 1 - p


def direction(values: Float32, space: str) -> Float64:
    """Return a pooled vector `[hidden]` at length 1, or what logits `[labels]` say of all labels.

    That is the root of their softmax, flattened, less its mean: vectors of probabilities are compared by their roots,
    and without the mean a few bits a number are enough.
    """
    found: Float64 = values.astype(np.float64)
    if space == LOGITS:
        found = np.exp((found - found.max()) / (2 * FLATTENED))
        found -= found.mean()
    length = float(np.linalg.norm(found))
    return found / length if 0 < length < np.inf else np.zeros_like(found)


def unsureness(logits: Float32, temperature: float) -> float:
    """Return the logarithm of 1 - p of the likeliest label, at a raised temperature."""
    others = np.exp((logits.astype(np.float64) - logits.max()) / (SOFTENED * temperature))
    others /= others.sum()
    return float(np.log(max(1 - others.max(), LEAST)))


def outlier_score(
    outliers: Outliers, centres: Float32, logits: Float32, pooled: Float32 | None, temperature: float
) -> float:
    """Return the score of a text with these logits `[labels]` and pooled vector `[hidden]`: more is less alike.

    `centres` are `[labels, labels]` of logits or `[labels, hidden]`, at length 1 each.
    """
    if outliers.space == LOGITS:
        nearest = float((centres @ direction(logits, LOGITS)).max())
        return unsureness(logits, temperature) - outliers.weight * nearest
    assert pooled is not None
    return -float((centres @ direction(pooled, outliers.space)).max())
