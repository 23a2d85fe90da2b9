"""Underfit: a run that answers the rows it learned from hardly better than new ones, and neither of them well."""

from collections.abc import Iterator
from typing import Final

from bitfit_toolkit.training.collapse import checked_rows
from bitfit_toolkit.training.run import Run
from bitfit_toolkit.training.task_data import TaskData

LEARNED: Final = 0.95  # of the deciding metric: rows above it are learned
AHEAD: Final = 0.1  # a run whose own rows are so far ahead of new ones takes them by heart, and more steps add to that
RISE: Final = 0.1  # of it on new rows, over the second half of the first round, which is then not the last
GAIN: Final = 0.02  # of the deciding metric on new rows: a further round that brought so much is followed by another


def checked_metric(run: Run, data: TaskData) -> float:
    """Return the deciding metric of a finished run on at most 256 of some rows, evenly spread, in torch."""
    return run.metrics(checked_rows(data))[run.metric]


def is_underfit(run: Run, learned: float, new: float) -> bool:
    """Whether more steps are likely to help, by the deciding metric on training rows and on `new` ones.

    That is not known of runs in which a head alone learned, nor of embeddings, whose metric hangs on how many rows.
    """
    return can_tell(run) and learned < LEARNED and learned - new <= AHEAD


def can_tell(run: Run) -> bool:
    """Whether metrics tell if a run has learned enough."""
    return bool(run.model.bias_parameters) and run.task.task_type.has_head


def underfit_notes(run: Run, learned: float, new: float, steps: int) -> Iterator[str]:
    """Say where more steps are likely to help."""
    if is_underfit(run, learned, new):
        yield (
            f"{run.metric} is {learned:.2f} on the training rows themselves and {new:.2f} on new ones: {steps:,} steps "
            f"did not teach all that the rows tell; try --steps {2 * steps}, or go on from the pack with --start-from"
        )
