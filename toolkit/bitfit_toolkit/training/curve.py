"""Learning curve of a run: its loss, and its metric ten times a run, with early stopping after each epoch."""

from dataclasses import dataclass
from typing import Any

from transformers import TrainerCallback


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """After `step` steps: the mean training loss since the last point, or the deciding metric; the other is None."""

    step: int
    loss: float | None = None
    metric: float | None = None


class Curve(TrainerCallback):  # type: ignore[misc]
    """Collects what a trainer logs."""

    def __init__(self, metric: str) -> None:
        self._metric = f"eval_{metric}"
        self.points: list[CurvePoint] = []

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **kwargs: Any) -> None:
        """Keep a loss or a metric, whichever was logged."""
        del args, control, kwargs
        for name, value in (logs or {}).items():
            if name == "loss":
                self.points.append(CurvePoint(state.global_step, loss=float(value)))
            elif name == self._metric:
                self.points.append(CurvePoint(state.global_step, metric=float(value)))
