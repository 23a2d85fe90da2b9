"""A number for each text or pair."""

from dataclasses import dataclass
from typing import Any, Final

from bitfit_runtime.graph import LOGITS
from bitfit_runtime.tasks.base import MAXIMUM, MEAN, HeadOutput, TaskType


@dataclass(frozen=True, slots=True)
class Score:
    """The answer to one row of a regression task, in the units of its training data."""

    task: str
    value: float
    truncated: bool = False

    def as_dict(self, top: int = 1) -> dict[str, Any]:
        """Return the answer as JSON has it."""
        del top
        return {"value": self.value}

    def summary(self, top: int = 1) -> str:
        """Return the number as text."""
        del top
        return f"{self.value:.3f}"


def postprocess(output: HeadOutput) -> Score:
    """Take the one logit as the value."""
    return Score(output.task, float(output.values[0]), output.tokens.truncated)


REGRESSION: Final = TaskType("regression", LOGITS, 1, 1, Score, postprocess, (MEAN, MAXIMUM))
