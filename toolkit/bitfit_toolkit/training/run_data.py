"""Data of a run: what it learns from and what it is measured on, held out of the former where there is nothing else."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from bitfit_toolkit.data import Columns, Data, Reading, read_examples
from bitfit_toolkit.errors import TrainingError
from bitfit_toolkit.tasks import Example
from bitfit_toolkit.training.held_out import hold_out
from bitfit_toolkit.training.options import TrainOptions

MEASURED_ON: Final = 1 / 5  # of the training rows, where there are no others


@dataclass(frozen=True, slots=True)
class RunData:
    """The examples of a run, and notes on how they were read."""

    train: list[Example]
    evaluation: list[Example]
    notes: tuple[str, ...]


def read(data: Data, columns: Columns, task_type: str) -> Reading:
    """Return labelled examples of a task type. Raises DataError."""
    return read_examples(data, columns, task_type=task_type)


def read_data(
    train: Data,
    evaluation: Data | None,
    columns: Columns,
    options: TrainOptions,
    read: Callable[[Data, Columns, str], Reading] = read,
) -> RunData:
    """Return the examples to train on and to measure on; without `evaluation` a fifth of the training rows is held out.

    Raises DataError, and TrainingError where there are too few rows to hold any out.
    """
    learning = read(train, columns, options.task_type)
    if evaluation is not None:
        measured = read(evaluation, columns, options.task_type)
        return RunData(learning.examples, measured.examples, (*learning.notes, *measured.notes))
    rows = len(learning.examples)
    kept, held_out = hold_out(learning.examples, options.seed, MEASURED_ON)
    if not held_out:
        raise TrainingError(f"{rows} training rows are too few to hold out some; give more, or others as `evaluation`")
    note = f"no evaluation data: {len(held_out):,} of {rows:,} training rows are held out to measure on"
    return RunData(kept, held_out, (*learning.notes, note))
