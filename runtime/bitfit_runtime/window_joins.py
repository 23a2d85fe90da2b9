"""Joins of windows: from what the graph gave for each window of a text to what it is taken to have given for the text.

All is computed in float64, in the order of the windows, and rounded to float32 once.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from bitfit_runtime.formats.pack import PackInfo
from bitfit_runtime.graph import LOGITS, POOLED
from bitfit_runtime.tasks.base import MAXIMUM, MEAN, NOISY_OR
from bitfit_runtime.tasks.classification import CLASSIFICATION
from bitfit_runtime.windows import WindowedText

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
LARGEST: Final = float(np.finfo(np.float32).max)


def join(windowed: WindowedText, parts: Sequence[Float32], output: str, info: PackInfo) -> Float32:
    """Return the output of a text whose windows gave `parts`; of a single window, that of the window.

    Logits `[labels]` are joined by the pack's rule, pooled vectors `[hidden]` by their mean; of what there is for each
    token, `[tokens, …]`, a token has that of the window it speaks from.
    """
    if len(parts) == 1:
        return parts[0]
    if output == LOGITS:
        assert info.windows is not None
        rules = OF_ONE_LABEL if info.task_type == CLASSIFICATION.name else OF_ANY_LABELS
        return np.clip(rules[info.windows.join](parts), -LARGEST, LARGEST).astype(np.float32)
    return mean(parts).astype(np.float32) if output == POOLED else by_offsets(windowed, parts)


def mean(parts: Sequence[Float32]) -> Float64:
    """Return the mean."""
    total: Float64 = np.zeros(parts[0].shape)
    for part in parts:  # in this order everywhere, which NumPy's own sum does not promise
        total += part
    found: Float64 = total / len(parts)
    return found


def maximum(parts: Sequence[Float32]) -> Float64:
    """Return the largest value of each label."""
    found: Float64 = np.max(np.stack(parts), axis=0).astype(np.float64)
    return found


def noisy_or(parts: Sequence[Float32]) -> Float64:
    """Return log(p / (1 - p)), where 1 - p is the product of a label's 1 - p over the windows, each a sigmoid.

    With T the sum of log(1 + exp(logit)), that is T + log(1 - exp(-T)); p is at least that of each window.
    """
    surely = np.zeros(parts[0].shape)
    for part in parts:
        surely += np.logaddexp(0, part.astype(np.float64))
    with np.errstate(divide="ignore"):  # T of 0 is that of numbers too small for float64
        found: Float64 = np.maximum(surely + np.log(-np.expm1(-surely)), maximum(parts))
    return found


def noisy_or_of_one(parts: Sequence[Float32]) -> Float64:
    """Return log(p), where 1 - p is the product of a label's 1 - p over the windows, each of a softmax.

    That these add up to one is left to the softmax that follows.
    """
    surely, least = np.zeros(parts[0].shape), np.full(parts[0].shape, -np.inf)
    with np.errstate(divide="ignore"):
        for part in parts:
            chances = log_chances(part)
            surely -= log_of_others(chances)
            least = np.maximum(least, chances)
        found: Float64 = np.maximum(np.log(-np.expm1(-surely)), least)
    return found


def log_chances(logits: Float32) -> Float64:
    """Return the logarithm of the softmax, that of the largest to its last digits."""
    values = logits.astype(np.float64) - logits.max()
    others = np.exp(values)
    others[values.argmax()] = 0
    found: Float64 = values - np.log1p(others.sum())
    return found


def log_of_others(chances: Float64) -> Float64:
    """Return log(1 - p) for log(p)."""
    return np.where(chances > -np.log(2), np.log(-np.expm1(chances)), np.log1p(-np.exp(chances)))


def by_offsets(windowed: WindowedText, parts: Sequence[Float32]) -> Float32:
    """Return for each token of the whole text what the window gave that it speaks from."""
    speakers = windowed.speakers()
    joined = np.empty((len(speakers), *parts[0].shape[1:]), np.float32)
    for index, part in enumerate(parts):
        tokens = windowed.positions(index)
        own = speakers[tokens] == index
        joined[tokens[own]] = part[own]
    return joined


Rule = Callable[[Sequence[Float32]], Float64]
OF_ANY_LABELS: Final[Mapping[str, Rule]] = {MEAN: mean, MAXIMUM: maximum, NOISY_OR: noisy_or}
OF_ONE_LABEL: Final[Mapping[str, Rule]] = {**OF_ANY_LABELS, NOISY_OR: noisy_or_of_one}
