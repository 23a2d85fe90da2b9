"""What the engine answers: one class a task type."""

from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]


class Prediction(NamedTuple):
    """The answer to one row of a classification task.

    `probabilities` are in the order of `labels` and sum to one. `truncated`, here and in the other answers, says that
    the text was longer than the pack's maximum length and was cut.
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


class LabelSet(NamedTuple):
    """The answer to one row of a multi-label task: a probability for each label, each on its own."""

    task: str
    labels: tuple[str, ...]
    probabilities: tuple[float, ...]
    truncated: bool = False

    @property
    def chosen(self) -> tuple[str, ...]:
        """The labels with a probability of at least one half."""
        return tuple(label for label, p in zip(self.labels, self.probabilities, strict=True) if p >= 0.5)


class Score(NamedTuple):
    """The answer to one row of a regression task, in the units of its training data."""

    task: str
    value: float
    truncated: bool = False


class Entity(NamedTuple):
    """A labelled piece of a text: characters `start` to `end` (exclusive)."""

    label: str
    start: int
    end: int
    probability: float


class Entities(NamedTuple):
    """The answer to one row of a token classification task, in the order of the text."""

    task: str
    entities: tuple[Entity, ...]
    truncated: bool = False


class Span(NamedTuple):
    """The answer to one row of a span task: characters `start` to `end` (exclusive) of the searched text."""

    task: str
    text: str
    start: int
    end: int
    probability: float
    truncated: bool = False


class Embedding(NamedTuple):
    """The answer to one row of an embedding task: the pooled vector, float32 `[hidden]`."""

    task: str
    vector: Float32
    truncated: bool = False


Answer: TypeAlias = Prediction | LabelSet | Score | Entities | Span | Embedding
