"""Any number of labels for each text or pair, each on its own."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from bitfit_runtime.graph import LOGITS
from bitfit_runtime.tasks.base import MAXIMUM, MEAN, NOISY_OR, HeadOutput, TaskType

NEUTRAL: Final = 0.5  # a label's threshold unless the pack has another


@dataclass(frozen=True, slots=True)
class LabelSet:
    """The answer to one row of a multi-label task: a probability for each of `labels`, each on its own.

    `thresholds` are the pack's for each label, None where all are one half.
    """

    task: str
    labels: tuple[str, ...]
    probabilities: tuple[float, ...]
    truncated: bool = False
    thresholds: tuple[float, ...] | None = None

    @property
    def chosen(self) -> tuple[str, ...]:
        """The labels with a probability of at least their threshold, one half where the pack has none."""
        thresholds = self.thresholds or (NEUTRAL,) * len(self.labels)
        judged = zip(self.labels, self.probabilities, thresholds, strict=True)
        return tuple(label for label, probability, threshold in judged if probability >= threshold)

    def as_dict(self, top: int = 1) -> dict[str, Any]:
        """Return the answer as JSON has it; all probabilities are given, whatever `top` is."""
        del top
        probabilities = dict(zip(self.labels, self.probabilities, strict=True))
        return {"chosen": list(self.chosen), "probabilities": probabilities}

    def summary(self, top: int = 1) -> str:
        """Return the chosen labels as one short line; of the `top` most probable the others in parentheses."""
        ranked = sorted(zip(self.labels, self.probabilities, strict=True), key=lambda pair: -pair[1])
        known = set(self.chosen)
        chosen = ", ".join(_rated(*pair) for pair in ranked if pair[0] in known) or "none"
        others = ", ".join(_rated(*pair) for pair in ranked[:top] if pair[0] not in known)
        return f"{chosen} ({others})" if others and top > 1 else chosen


def _rated(label: str, probability: float) -> str:
    return f"{label} {probability:.3f}"


def postprocess(output: HeadOutput) -> LabelSet:
    """Turn logits `[labels]` into a probability each."""
    with np.errstate(over="ignore"):  # far below 0, where the probability is 0
        probabilities = 1 / (1 + np.exp(-output.values.astype(np.float64) / output.temperature))
    thresholds = None if output.decisions is None else output.decisions.thresholds
    return LabelSet(output.task, output.labels, tuple(probabilities.tolist()), output.tokens.truncated, thresholds)


MULTI_LABEL: Final = TaskType(
    "multi-label",
    *(LOGITS, 1, None, LabelSet, postprocess, (MEAN, MAXIMUM, NOISY_OR)),
    decides=("temperature", "thresholds"),
)
