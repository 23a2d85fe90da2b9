"""Data of a run: what it learns from and what it is measured on, held out of the former where there is nothing else."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from bitfit_toolkit.data import Columns, Data, Reading, read_examples
from bitfit_toolkit.errors import TrainingError
from bitfit_toolkit.tasks import Example
from bitfit_toolkit.training.held_out import held_out_rows, without
from bitfit_toolkit.training.options import TrainOptions

MEASURED_ON: Final = 1 / 5  # of the training rows, where there are no others


@dataclass(frozen=True, slots=True)
class RunData:
    """The examples of a run, and notes on how they were read.

    `rows` are the places of the evaluation examples among the rows that they were held out of, from 1; None where they
    are rows of their own.
    """

    train: list[Example]
    evaluation: list[Example]
    notes: tuple[str, ...]
    rows: tuple[int, ...] | None = None


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
    examples = learning.examples
    chosen = held_out_rows(examples, options.seed, MEASURED_ON)
    if not chosen:
        raise TrainingError(f"{_why_none(examples)}; give more, or others as `evaluation`")
    notes = [f"no evaluation data: {len(chosen):,} of {len(examples):,} training rows are held out to measure on"]
    if options.start_from is not None:
        notes.append(
            "where the pack to start from learned from some of the rows held out, all figures flatter this one; give "
            "rows that it has not seen as `evaluation`"
        )
    places = tuple(index + 1 for index in sorted(chosen))
    return RunData(*without(examples, chosen), (*learning.notes, *notes), places)


def _why_none(examples: Sequence[Example]) -> str:
    """Say why no row can be held out."""
    texts = {(example.text, example.text_pair) for example in examples}
    if len(texts) == 1 < len(examples):
        return f"all {len(examples):,} training rows have one text, so none can be held out"
    return f"{len(examples)} training rows are too few to hold out some"
