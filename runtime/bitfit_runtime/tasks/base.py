"""What a task type is: what it asks of the graph, and how the graph's output becomes an answer."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from bitfit_runtime.decisions import Decisions
from bitfit_runtime.graph import POOLED
from bitfit_runtime.inputs import Row
from bitfit_runtime.tokenized_text import TokenizedText

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
# Rules that join the outputs of a text's windows: one for each label, or a token's where windows overlap.
MEAN: Final = "mean"
MAXIMUM: Final = "maximum"
NOISY_OR: Final = "noisy-or"
OFFSETS: Final = "offsets"
NOT_ACCEPTED: Final = " (not accepted)"  # in the summary of an answer


@dataclass(frozen=True, slots=True)
class HeadOutput:
    """What the graph gave for one row.

    `task` is the name that the pack is installed under, `labels` are the pack's. `values` are the row's part of
    `TaskType.output`, without padding: logits `[labels]`, token logits `[tokens, labels]`, or pooled `[hidden]`.
    `of_first_version` says that a pack of version 0.1.0 gave them, whose answers stay as they were.
    `transitions`, float32 `[labels + 1, labels]`, are the pack's scores of a tag after another, None where each word is
    decided by itself. `words` is MEAN where all tokens of a word speak for it, None where its first one does.
    `decisions` are the pack's, and `outlier` is the text's score where these ask for one.
    """

    task: str
    labels: tuple[str, ...]
    row: Row
    values: Float32
    tokens: TokenizedText
    of_first_version: bool = False
    transitions: Float32 | None = None
    words: str | None = None
    decisions: Decisions | None = None
    outlier: float | None = None

    @property
    def temperature(self) -> float:
        """What logits are divided by before they become probabilities."""
        return 1.0 if self.decisions is None else self.decisions.temperature

    def accepts(self, probability: float) -> bool | None:
        """Whether the pack accepts an answer of that probability; None where it does not decide."""
        return None if self.decisions is None else self.decisions.accepts(probability, self.outlier)


@dataclass(frozen=True, slots=True)
class TaskType:
    """One type of task, under the `name` that packs carry.

    `output` is the graph's output that it reads; a pack has `min_labels` to `max_labels` labels, None being the limit
    of the format. `postprocess` turns an output into an answer of class `answer`, which has `task`, `truncated`,
    `as_dict(top)` for programs and `summary(top)` for people. `joins` are the rules that can join the windows of a long
    text; of a pair the `searched` side is cut into windows, None being the longer one.
    `has_tags`: the labels are BIO tags, and packs may declare transitions between them. `decides` are the fields of
    `Decisions` that packs of this type may have.
    """

    name: str
    output: str
    min_labels: int
    max_labels: int | None
    answer: type[Any]
    postprocess: Callable[[HeadOutput], Any]
    joins: tuple[str, ...]
    searched: int | None = None
    has_tags: bool = False
    decides: tuple[str, ...] = ()

    @property
    def has_head(self) -> bool:
        """Whether packs of this type hold a head; otherwise they are biases alone."""
        return self.output != POOLED


def softmax(logits: Float32 | Float64, temperature: float = 1.0) -> Float64:
    """Probabilities along the last axis."""
    exponentials = np.exp((logits.astype(np.float64) - logits.max(-1, keepdims=True)) / temperature)
    probabilities: Float64 = exponentials / exponentials.sum(-1, keepdims=True)
    return probabilities
