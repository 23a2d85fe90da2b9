"""A run's metric at half of its steps, by which it is told whether it still rises at their end."""

from typing import Any, Final

from transformers import TrainerCallback, TrainerState

from bitfit_toolkit.training.run import Run
from bitfit_toolkit.training.task_data import TaskData
from bitfit_toolkit.training.underfit import checked_metric

KEY: Final = "halfway"


class HalfWay(TrainerCallback):  # type: ignore[misc]
    """Measures new rows once, and notes it in the trainer's history, which checkpoints keep."""

    def __init__(self, run: Run, evaluation: TaskData) -> None:
        self._run, self._evaluation = run, evaluation

    def on_step_end(self, args: Any, state: TrainerState, control: Any, **kwargs: Any) -> None:
        """Measure at half of the steps."""
        del args, control, kwargs
        if state.global_step == state.max_steps // 2:
            state.log_history.append({KEY: checked_metric(self._run, self._evaluation)})


def metric_halfway(state: TrainerState) -> float | None:
    """Return what was measured at half of the steps, None where nothing was."""
    return next((entry[KEY] for entry in state.log_history if KEY in entry), None)
