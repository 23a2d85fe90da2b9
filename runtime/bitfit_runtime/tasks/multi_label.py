"""Any number of labels for each text or pair, each on its own."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from bitfit_runtime.graph import LOGITS
from bitfit_runtime.tasks.base import MAXIMUM, MEAN, NOISY_OR, HeadOutput, TaskType


@dataclass(frozen=True, slots=True)
class LabelSet:
    """The answer to one row of a multi-label task: a probability for each of `labels`, each on its own."""

    task: str
    labels: tuple[str, ...]
    probabilities: tuple[float, ...]
    truncated: bool = False

    @property
    def chosen(self) -> tuple[str, ...]:
        """The labels with a probability of at least one half."""
        return tuple(label for label, p in zip(self.labels, self.probabilities, strict=True) if p >= 0.5)

    def as_dict(self, top: int = 1) -> dict[str, Any]:
        """Return the answer as JSON has it; all probabilities are given, whatever `top` is."""
        del top
        probabilities = dict(zip(self.labels, self.probabilities, strict=True))
        return {"chosen": list(self.chosen), "probabilities": probabilities}

    def summary(self, top: int = 1) -> str:
        """Return the chosen labels as one short line."""
        del top
        return ", ".join(self.chosen) or "none"


def postprocess(output: HeadOutput) -> LabelSet:
    """Turn logits `[labels]` into a probability each."""
    probabilities = 1 / (1 + np.exp(-output.values.astype(np.float64)))
    return LabelSet(output.task, output.labels, tuple(probabilities.tolist()), output.tokens.truncated)


MULTI_LABEL: Final = TaskType("multi-label", LOGITS, 1, None, LabelSet, postprocess, (MEAN, MAXIMUM, NOISY_OR))
