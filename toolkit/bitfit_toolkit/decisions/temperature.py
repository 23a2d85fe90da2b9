"""Temperature: the one number by which logits are divided so that probabilities are as sure as they are right.

Guo et al., 2017, arXiv:1706.04599: it minimizes the negative log-likelihood of rows held out.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
LOWEST, HIGHEST = 0.05, 20.0
GOLDEN: Final = (5**0.5 - 1) / 2
STEPS: Final = 40  # each leaves 0.62 of the interval; all together 5e-9 of it


@dataclass(frozen=True, slots=True, eq=False)
class Choices:
    """Choices of one class of several: logits `[choices, classes]`, and which class is right `[choices]`.

    A choice of fewer classes than others has -inf for those that it lacks.
    """

    logits: Float64
    targets: Int64

    @classmethod
    def of(cls, parts: Iterable[tuple[Float32, Int64]]) -> "Choices":
        """Return the choices of several rows, each with as many classes as it has."""
        each = [(logits, targets) for logits, targets in parts if len(targets)]
        width = max((logits.shape[1] for logits, _ in each), default=1)
        found = np.full((sum(len(targets) for _, targets in each), width), -np.inf)
        start = 0
        for logits, targets in each:
            found[start : start + len(targets), : logits.shape[1]] = logits
            start += len(targets)
        return cls(found, np.concatenate([targets for _, targets in each]) if each else np.zeros(0, np.int64))

    def __len__(self) -> int:
        return len(self.targets)

    def certainty(self, temperature: float) -> tuple[Float64, Bools]:
        """Return the probability of each choice's likeliest class, and whether that is right."""
        scaled = (self.logits - self.logits.max(1, keepdims=True)) / temperature
        return 1 / np.exp(scaled).sum(1), scaled.argmax(1) == self.targets

    def surprise(self, temperature: float) -> float:
        """Return the mean negative log-likelihood of the right classes."""
        scaled = (self.logits - self.logits.max(1, keepdims=True)) / temperature
        right = scaled[np.arange(len(self)), self.targets]
        return float((np.log(np.exp(scaled).sum(1)) - right).mean())


def fit_temperature(choices: Choices) -> float:
    """Return the temperature of the least surprise, by golden section: in its logarithm there is one minimum.

    Where all choices are right that is the lowest allowed.
    """
    low, high = np.log(LOWEST), np.log(HIGHEST)
    inner = [high - GOLDEN * (high - low), low + GOLDEN * (high - low)]
    found = [choices.surprise(float(np.exp(point))) for point in inner]
    for _ in range(STEPS):
        if found[0] <= found[1]:
            high, inner[1], found[1] = inner[1], inner[0], found[0]
            inner[0] = high - GOLDEN * (high - low)
            found[0] = choices.surprise(float(np.exp(inner[0])))
        else:
            low, inner[0], found[0] = inner[0], inner[1], found[1]
            inner[1] = low + GOLDEN * (high - low)
            found[1] = choices.surprise(float(np.exp(inner[1])))
    return float(np.exp((low + high) / 2))
