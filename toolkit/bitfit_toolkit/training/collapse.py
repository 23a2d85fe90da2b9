"""Collapse: a run that ends in one answer for all is recognized on its training rows, and trained again more slowly."""

from typing import Any, Final

import numpy as np

from bitfit_toolkit.training.run import Run
from bitfit_toolkit.training.task_data import TaskData

CHECKED: Final = 256  # training rows, evenly spread
FEWEST_STEPS: Final = 50  # a shorter run may not have begun to learn
MOST_RESTARTS: Final = 3
SLOWER: Final = 1 / 3  # each multiple of the rates after a collapse, of the one before


def finite_answers(run: Run, data: TaskData) -> list[Any] | None:
    """Return the model's answers, None where an output is not a finite number."""
    outputs = run.outputs(data.items)
    if not all(np.isfinite(output).all() for output in outputs):
        return None
    return run.answers_of(data, outputs)


def checked_rows(train: TaskData) -> TaskData:
    """Return the training rows by which a finished run is judged: all, or some that are evenly spread."""
    count = len(train.items)
    chosen = [int(index) for index in np.linspace(0, count - 1, min(CHECKED, count))]
    return TaskData(tuple(train.examples[i] for i in chosen), tuple(train.items[i] for i in chosen))


def collapsed(run: Run, train: TaskData, steps: int) -> bool:
    """Whether a finished run gives training rows answers that say nothing of them."""
    if steps < FEWEST_STEPS:
        return False
    data = checked_rows(train)
    answers = finite_answers(run, data)
    return answers is None or run.task.collapsed(data.examples, answers)
