"""What callers pass to the engine, brought to one form: rows."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeAlias

from bitfit_runtime.errors import InputError


class Row(NamedTuple):
    """One text, the task that answers it, and a second text where the task takes pairs.

    `task` may be left to the call: `predict(row, task=…)` or `predict(row, tasks=[…])`.
    """

    text: str
    task: str | None = None
    text_pair: str | None = None


Inputs: TypeAlias = str | Row | Sequence[str | Row]
EXAMPLE = "write Row(text, task, text_pair), and a list of them for several"


def is_single(inputs: Inputs) -> bool:
    """Whether the caller passed one text or row rather than a list."""
    return isinstance(inputs, (str, Row))


def as_rows(inputs: Inputs, task: str | None) -> list[Row]:
    """Return the inputs as rows. A string, and a `Row` without a task, take `task`.

    A bare tuple is refused: it could be two texts, a pair, or a text and its task. Raises InputError, naming the index.
    """
    if isinstance(inputs, (str, Row)):
        return [_as_row(inputs, task, 0)]
    if isinstance(inputs, tuple) and not all(isinstance(item, Row) for item in inputs):
        raise InputError(f"a bare tuple could mean a pair, two texts or a text and its task; {EXAMPLE}")
    if not isinstance(inputs, (list, tuple)):
        raise InputError(f"expected a text, a Row or a list of them, found {type(inputs).__name__}")
    return [_as_row(item, task, index) for index, item in enumerate(inputs)]


def as_rows_per_task(inputs: Inputs, tasks: Sequence[str]) -> Iterator[list[Row]]:
    """Yield for each input a row per task, in the order of `tasks`.

    Raises InputError where `tasks` is not a list of different names, or a row has a task of its own.
    """
    if isinstance(tasks, str) or not isinstance(tasks, (list, tuple)):
        raise InputError(f"tasks should be a list of names, found {tasks!r}")
    if not tasks:
        raise InputError("tasks is empty; name at least one task")
    twice = sorted({str(task) for task in tasks if tasks.count(task) > 1})
    if twice:
        raise InputError(f"task {twice[0]!r} is named twice in tasks; name each task once")
    for index, row in enumerate(as_rows(inputs, None)):
        if row.task is not None:
            raise InputError(
                f"input {index}: the row has task {row.task!r}, but tasks was given; leave one of them out"
            )
        yield [_as_row(row, task, index) for task in tasks]


def _as_row(item: object, task: str | None, index: int) -> Row:
    if isinstance(item, str):
        item = Row(item)
    if not isinstance(item, Row):
        found = "a bare tuple" if isinstance(item, tuple) else type(item).__name__
        raise InputError(f"input {index}: expected a str (decoded from bytes) or a Row, found {found}; {EXAMPLE}")
    row = item if item.task is not None else item._replace(task=task)
    for name, value, optional in (
        ("text", row.text, False),
        ("task", row.task, True),
        ("text_pair", row.text_pair, True),
    ):
        if not isinstance(value, str) and not (optional and value is None):
            raise InputError(f"input {index}: {name} should be a string, found {type(value).__name__}")
    return row
