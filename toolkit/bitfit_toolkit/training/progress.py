"""Progress bar of a training run: its steps, its loss and its metric."""

from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from transformers import TrainerCallback


class Progress(TrainerCallback):  # type: ignore[misc]
    """Shows steps, the loss since the last log and the last evaluation's metric, on standard error."""

    def __init__(self, task: str, metric: str) -> None:
        self._metric = metric
        measured = TextColumn("{task.fields[loss]} {task.fields[metric]}")
        console = Console(stderr=True)
        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            measured,
            console=console,
        )
        self._id = self._bar.add_task(task, total=None, loss="", metric="")

    def __enter__(self) -> "Progress":
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Advance."""
        del args, control, kwargs
        self._bar.update(self._id, completed=state.global_step, total=state.max_steps)

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **kwargs: Any) -> None:
        """Show the loss or the metric, whichever was logged."""
        del args, state, control, kwargs
        logs = logs or {}
        if "loss" in logs:
            self._bar.update(self._id, loss=f"loss {float(logs['loss']):.4f}")
        if f"eval_{self._metric}" in logs:
            self._bar.update(self._id, metric=f"{self._metric} {logs[f'eval_{self._metric}']:.4f}")
