"""Rows of a part, told apart: those that a task can answer, and those that none can, with the reason."""

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bitfit_toolkit.bulk.plan import BulkOptions
from bitfit_toolkit.bulk.sources import Cells, Malformed, stream
from bitfit_toolkit.data.columns import Columns, find_roles
from bitfit_toolkit.data.table import Column, Table
from bitfit_toolkit.errors import DataError
from bitfit_toolkit.tasks.base import TrainableTask


@dataclass(frozen=True, slots=True)
class Asked:
    """A row and the tasks that answer it. `number` counts the part's rows from 0."""

    number: int
    text: str
    text_pair: str | None
    tasks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A row, or one of its tasks, without an answer."""

    number: int
    task: str | None
    reason: str


Item = Asked | Unanswered


def read_part(path: Path, where: str, options: BulkOptions, known: Container[str]) -> Iterator[list[Item]]:
    """Yield the rows of a part, a chunk at a time; `where` names it in errors. Raises DataError."""
    number = 0
    for chunk in stream(path, lambda names: _columns(where, names, options), options.text_encoding):
        items = [_item(number + index, cells, options, known) for index, cells in enumerate(chunk)]
        number += len(items)
        yield items


def _columns(where: str, names: Sequence[str], options: BulkOptions) -> list[str]:
    """Return the columns of the text, of the second text and of the task, as far as there are any."""
    task = [] if options.task_column is None else [options.task_column]
    if not set(task) <= set(names):
        found = ", ".join(names) or "none"
        raise DataError(f"{where} has no column {options.task_column!r} (found: {found}); check task_column")
    table = Table(where, tuple(Column(name, ()) for name in names if name not in task))
    usual = {role: TrainableTask.columns[role] for role in ("text", "text_pair")}
    roles = find_roles(table, usual, Columns(options.text_column, options.text_pair_column), need_label=False).names
    chosen = [*roles.values(), *task]
    twice = [name for name in chosen if list(names).count(name) > 1]
    if twice:
        raise DataError(f"{where} has two columns named {twice[0]!r}; rename one")
    return chosen


def _item(number: int, cells: Cells | Malformed, options: BulkOptions, known: Container[str]) -> Item:
    if isinstance(cells, Malformed):
        return Unanswered(number, None, cells.reason)
    text, *others = cells
    tasks = options.tasks
    if options.task_column is not None:
        name = others.pop()
        if isinstance(name, int) and not isinstance(name, bool):
            name = str(name)  # numbers of tenants
        if not isinstance(name, str) or not name:
            return Unanswered(number, None, "the task is missing" if name in (None, "") else "the task is no name")
        if name not in known:
            return Unanswered(number, name, "no pack has that name")
        tasks = (name,)
    pair = others[0] if others else None
    reason = _fault("text", text) or ("" if pair is None else _fault("second text", pair))
    if reason or not isinstance(text, str) or not isinstance(pair, (str, type(None))):
        return Unanswered(number, tasks[0] if len(tasks) == 1 else None, reason)
    return Asked(number, text, pair, tasks)


def _fault(what: str, cell: object) -> str:
    """Return why a cell is no text, or nothing."""
    if cell is None:
        return f"the {what} is missing"
    if not isinstance(cell, str):
        return f"the {what} is not a string but {type(cell).__name__}"
    try:
        cell.encode()
    except UnicodeEncodeError:
        return f"the {what} is not Unicode: half of a pair of surrogates"
    return ""
