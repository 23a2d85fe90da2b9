"""Scores of transitions between tags, counted in training rows."""

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from bitfit_runtime.transitions import LARGEST_SCORE

Float16 = npt.NDArray[np.float16]
# How much a transition counts beside what the words say, which know much of it themselves; docs/decisions/training.md.
WEIGHT: Final = 0.3
SMOOTHING: Final = 1.0  # transitions, as if each tag had been followed by so many more, drawn by their frequencies


def transition_scores(texts: Iterable[Sequence[int]], labels: int) -> Float16:
    """Return how much likelier a tag is after another, or at the beginning, than anywhere: `[labels + 1, labels]`.

    A score is WEIGHT times ln(p(tag | tag before) / p(tag)), counted in `texts`, the tags of the words of each.
    """
    counts = np.zeros((labels + 1, labels))
    for tags in texts:
        np.add.at(counts, ([labels, *tags[:-1]], tags), 1)
    anywhere = counts.sum(0) + SMOOTHING
    anywhere /= anywhere.sum()
    after = (counts + SMOOTHING * anywhere) / (counts.sum(1, keepdims=True) + SMOOTHING)
    scores = WEIGHT * np.log(after / anywhere)
    found: Float16 = np.clip(scores, -LARGEST_SCORE, LARGEST_SCORE).astype(np.float16)
    return found
