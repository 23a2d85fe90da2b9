"""What the engine answers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Prediction:
    """The answer to one row of a classification task.

    `probabilities` are in the order of `labels` and sum to one. `truncated` says that the text was longer than the
    pack's maximum length and was cut.
    """

    task: str
    labels: tuple[str, ...]
    probabilities: tuple[float, ...]
    truncated: bool = False

    @property
    def label(self) -> str:
        """The most probable label."""
        return self.labels[self._best]

    @property
    def probability(self) -> float:
        """The probability of `label`."""
        return self.probabilities[self._best]

    def top(self, count: int) -> list[tuple[str, float]]:
        """Return the `count` most probable labels with their probabilities, the most probable first."""
        order = sorted(range(len(self.labels)), key=lambda index: -self.probabilities[index])
        return [(self.labels[index], self.probabilities[index]) for index in order[:count]]

    @property
    def _best(self) -> int:
        return max(range(len(self.labels)), key=self.probabilities.__getitem__)


def softmax(logits: Float32) -> tuple[float, ...]:
    """Probabilities of one row's logits `[labels]`."""
    exponentials = np.exp(logits.astype(np.float64) - float(logits.max()))
    return tuple((exponentials / exponentials.sum()).tolist())


def classify(task: str, labels: Sequence[str], logits: Float32, truncated: bool) -> Prediction:
    """Turn one row's logits `[labels]` into a prediction."""
    return Prediction(task, tuple(labels), softmax(logits), truncated)
