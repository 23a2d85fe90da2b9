"""From any source to examples of a task type, with notes on what a user should know of it."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from bitfit_runtime.tasks.classification import CLASSIFICATION
from bitfit_runtime.tasks.token_classification import TOKEN_CLASSIFICATION
from bitfit_toolkit.data.columns import Columns, Roles, find_roles, indicator
from bitfit_toolkit.data.files import read_file
from bitfit_toolkit.data.labels import tidy_labels
from bitfit_toolkit.data.memory import WHERE, as_table
from bitfit_toolkit.data.sentences import Sentences, find_sentences
from bitfit_toolkit.data.table import Table, plain
from bitfit_toolkit.errors import DataError
from bitfit_toolkit.tasks import TRAINABLE_TASKS, Cells, Example, TrainableTask
from bitfit_toolkit.tasks.list_cells import parse_list

# A file, or a folder that `datasets` saved; examples, or a mapping for each row; a mapping from column to values; a
# `datasets.Dataset`, a pandas or polars data frame or a pyarrow table, so that none of these packages is needed.
Data: TypeAlias = str | Path | Sequence[Example] | Sequence[Mapping[str, Any]] | Mapping[str, Sequence[Any]] | Any
WORD_COLUMNS = ("tokens", "words")
_log = logging.getLogger("bitfit_toolkit.data")


@dataclass(frozen=True, slots=True)
class Reading:
    """Examples, and how they were read.

    `roles` maps roles (text, text_pair, label, task, sentence) to columns, `unused` are the others. `facts` are of
    the file: format, encoding, separator. `notes` are sentences for the user.
    """

    examples: list[Example]
    notes: tuple[str, ...] = ()
    roles: Mapping[str, str] | None = None
    unused: tuple[str, ...] = ()
    facts: Mapping[str, str] | None = None


def load_examples(
    data: Data,
    columns: Columns | None = None,
    need_label: bool = True,
    task_type: str = CLASSIFICATION.name,
) -> list[Example]:
    """Return examples with labels as `task_type` has them, from a file or from data in memory.

    `data` is a path, a list of `Example` or of mappings, a mapping from column to values, a `datasets.Dataset`, a
    pandas data frame or a pyarrow table. Labels lose white space around them, which is logged as a warning. Raises
    DataError: where, which row, what to do.
    """
    reading = read_examples(data, columns, need_label, task_type)
    for note in reading.notes:
        _log.warning("%s", note)
    return reading.examples


def read_examples(
    data: Data,
    columns: Columns | None = None,
    need_label: bool = True,
    task_type: str = CLASSIFICATION.name,
) -> Reading:
    """Return what `load_examples` does, with how it was read. Raises DataError."""
    if task_type not in TRAINABLE_TASKS:
        raise DataError(f"task_type should be one of {', '.join(TRAINABLE_TASKS)}, found {task_type!r}")
    task = TRAINABLE_TASKS[task_type]
    if isinstance(data, (list, tuple)) and data and all(isinstance(item, Example) for item in data):
        labelled = task if need_label else None
        checked = [_checked(number, example, labelled) for number, example in enumerate(data, 1)]
        examples, notes = tidy_labels(WHERE, checked)
        return Reading(examples, tuple(notes))
    columns = columns or Columns()
    if isinstance(data, (str, Path)):
        table = read_file(Path(data), columns.text_encoding, task_type == TOKEN_CLASSIFICATION.name)
    else:
        table = as_table(data)
    if len(table) == 0:
        raise DataError(f"{table.where} holds no rows; expected at least one example")
    whole, sentences = table, _sentences(table, task, columns, need_label)
    if sentences is not None:
        table, columns = sentences.table, sentences.columns
    roles = find_roles(table, task.columns, columns, need_label)
    rows = _rows(table, roles, task.several_labels)
    if need_label:
        examples, notes = task.read_rows(list(rows))
    else:
        examples, notes = [_unlabelled(cells, roles) for cells in rows], []
    notes = [f"{table.where}: {note}" for note in notes]
    if roles.indicators:
        notes.append(f"{table.where}: columns {', '.join(roles.indicators)} of 0 and 1 were read as labels")
    examples, stripped = tidy_labels(table.where, examples)
    used = {*roles.names.values(), *roles.indicators}
    named = dict(roles.names) | ({"label": ", ".join(roles.indicators)} if roles.indicators else {})
    if sentences is not None:
        used |= {*sentences.told_by}
        named["sentence"] = ", ".join(sentences.told_by)
        notes.append(sentences.note)
    unused = tuple(name for name in whole.names if name not in used)
    return Reading(examples, (*notes, *stripped), named, unused, table.facts)


def _sentences(
    table: Table, task: type[TrainableTask[Any, Any]], columns: Columns, need_label: bool
) -> Sentences | None:
    """Return the sentences of a table of entities that holds a word a row, None of others. Raises DataError."""
    if task.task_type is TOKEN_CLASSIFICATION and (need_label or columns.sentence is not None):
        return find_sentences(table, task.columns, columns, need_label)
    if columns.sentence is not None:
        raise DataError(
            f"sentence_column joins rows of words for {TOKEN_CLASSIFICATION.name}, the task type is "
            f"{task.task_type.name}; leave it out, or choose that type"
        )
    return None


def _rows(table: Table, roles: Roles, several: bool) -> Iterator[Cells]:
    columns = {role: list(table.values(name)) for role, name in roles.names.items()}
    if roles.indicators:
        columns["label"] = _labels_of_indicators(table, roles.indicators, several)
    for row in range(len(table)):
        yield Cells(table.place(row), **{role: values[row] for role, values in columns.items()})


def _labels_of_indicators(table: Table, names: Sequence[str], several: bool) -> list[object]:
    """Return the names of the columns that hold 1: a list of them, or the only one."""
    labels: list[object] = []
    for row, cells in enumerate(zip(*(table.values(name) for name in names), strict=True)):
        values = [indicator(cell) for cell in cells]
        if None in values:
            found = f"{names[values.index(None)]} {cells[values.index(None)]!r}"
            raise DataError(f"{table.place(row)}: label columns should hold 0 or 1, found {found}; fix that row")
        chosen = [name for name, value in zip(names, values, strict=True) if value]
        if not several and len(chosen) != 1:
            raise DataError(
                f"{table.place(row)}: one of the columns {', '.join(names)} should hold 1, found {len(chosen)}; "
                "name the label column with label_column, or choose the task type multi-label"
            )
        labels.append(chosen if several else chosen[0])
    return labels


def _checked(number: int, example: Example, labelled: type[TrainableTask[Any, Any]] | None) -> Example:
    """Return an example that a program made, with a label as the task type of `labelled` ones has it.

    Raises DataError on a text that is none, and on a label that is missing or that the task type does not take.
    """
    cells = Cells(f"{WHERE}, example {number}", example.text, example.text_pair, plain(example.label), example.task)
    if labelled is None:
        cells.example(None)
        return example
    if cells.label is None or isinstance(cells.label, (bytes, dict, set)):
        found = "" if cells.label is None else f", found {type(cells.label).__name__}"
        raise DataError(f"{cells.where}: the label is missing{found}; give every example one")
    return labelled.take(cells)


def _unlabelled(cells: Cells, roles: Roles) -> Example:
    text = cells.text
    if isinstance(text, str) and roles.names["text"].lower() in WORD_COLUMNS:
        text = parse_list(text) or text
    if isinstance(text, list) and text and all(isinstance(word, str) for word in text):
        text = " ".join(text)
    return Cells(cells.where, text, cells.text_pair, task=cells.task).example(None)
