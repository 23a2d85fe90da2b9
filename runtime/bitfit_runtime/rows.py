"""What callers pass to the engine, brought to one form."""

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

from bitfit_runtime.errors import InputError


class Row(NamedTuple):
    """One text, the task to answer it with, and a second text where the task takes pairs."""

    text: str
    task: str | None
    text_pair: str | None = None


Input: TypeAlias = str | tuple[str, str] | Row
Inputs: TypeAlias = str | Row | Sequence[str] | Sequence[tuple[str, str]] | Sequence[Row]


def is_single(inputs: Inputs) -> bool:
    """Whether the caller passed one text or row rather than a list."""
    return isinstance(inputs, (str, Row))


def as_rows(inputs: Inputs, task: str | None) -> list[Row]:
    """Return the inputs as rows.

    A string takes `task`. A tuple of two is a text pair when `task` is given, and (text, task) when it is not. A `Row`
    without a task takes `task`. Raises InputError, naming the position, on anything else.
    """
    if not isinstance(inputs, (str, Row, list, tuple)):
        raise InputError(f"expected a text or a list of texts or rows, found {type(inputs).__name__}")
    items: Sequence[object] = [inputs] if isinstance(inputs, (str, Row)) else inputs
    return [_as_row(item, task, position) for position, item in enumerate(items)]


def _as_row(item: object, task: str | None, position: int) -> Row:
    row: Row
    match item:
        case str():
            row = Row(item, task)
        case Row():
            row = item if item.task is not None else item._replace(task=task)
        case (first, second):  # of which types is checked below
            row = Row(first, task, second) if task is not None else Row(first, second)  # type: ignore[arg-type]
        case _:
            raise InputError(
                f"input {position}: expected a string, a tuple of two or a Row, found {type(item).__name__}; "
                "pass texts as str, decoded from bytes"
            )
    for name, value, optional in (("text", row.text, False), ("task", row.task, True), ("pair", row.text_pair, True)):
        if not isinstance(value, str) and not (optional and value is None):
            raise InputError(f"input {position}: {name} should be a string, found {type(value).__name__}")
    return row
