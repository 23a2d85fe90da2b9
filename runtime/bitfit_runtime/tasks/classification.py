"""One label of several for each text or pair."""

from dataclasses import dataclass
from typing import Any, Final

from bitfit_runtime.graph import LOGITS
from bitfit_runtime.tasks.base import MAXIMUM, MEAN, NOISY_OR, NOT_ACCEPTED, HeadOutput, TaskType, softmax


@dataclass(frozen=True, slots=True)
class Prediction:
    """The answer to one row of a classification task.

    `probabilities` are in the order of `labels` and sum to one. `truncated`, here and in the other answers, says that
    the text was longer than the pack's maximum length and was cut.

    `accepted` says whether to act on the answer, by what rows held out told of the pack; None where nothing decides it.
    `outlier` is how unlike the text is to those of the classes, None where the pack has no such score.
    """

    task: str
    labels: tuple[str, ...]
    probabilities: tuple[float, ...]
    truncated: bool = False
    accepted: bool | None = None
    outlier: float | None = None

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

    def as_dict(self, top: int = 1) -> dict[str, Any]:
        """Return the answer as JSON has it, with the `top` most probable labels where that is more than one."""
        best = [{"label": label, "probability": probability} for label, probability in self.top(top)]
        decided = {"accepted": self.accepted, "outlier": self.outlier}
        found = {name: value for name, value in decided.items() if value is not None}
        return best[0] | found | ({"top": best} if top > 1 else {})

    def summary(self, top: int = 1) -> str:
        """Return the `top` most probable labels as one short line."""
        best = ", ".join(f"{label} {probability:.3f}" for label, probability in self.top(top))
        return best + (NOT_ACCEPTED if self.accepted is False else "")

    @property
    def _best(self) -> int:
        return max(range(len(self.labels)), key=self.probabilities.__getitem__)


def postprocess(output: HeadOutput) -> Prediction:
    """Turn logits `[labels]` into probabilities that sum to one."""
    probabilities = tuple(softmax(output.values, output.temperature).tolist())
    accepted = output.accepts(max(probabilities))
    return Prediction(output.task, output.labels, probabilities, output.tokens.truncated, accepted, output.outlier)


CLASSIFICATION: Final = TaskType(
    "classification",
    *(LOGITS, 2, None, Prediction, postprocess, (MEAN, MAXIMUM, NOISY_OR)),
    decides=("temperature", "acceptance", "outliers"),
)
