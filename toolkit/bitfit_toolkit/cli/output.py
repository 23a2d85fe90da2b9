"""Results on standard output, everything else on standard error."""

import contextlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import typer
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress
from rich.table import Column, Table

_out = Console(highlight=False)
_err = Console(stderr=True, highlight=False)


def print_json(value: Any) -> None:
    """Print one JSON document on one line."""
    typer.echo(json.dumps(value, ensure_ascii=False))


def print_pairs(rows: Iterable[tuple[str, str]]) -> None:
    """Print (what, figure) lines."""
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for what, figure in rows:
        table.add_row(what, figure)
    _out.print(table)


def print_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table."""
    table = Table(
        *(Column(name, overflow="fold") for name in header), box=None, padding=(0, 2, 0, 0), header_style="bold"
    )
    for row in rows:
        table.add_row(*row)
    _out.print(table)


@contextlib.contextmanager
def steps(quiet: bool) -> Iterator[Callable[[str], None]]:
    """Yield a function that shows the step under way while it takes its time."""
    if quiet or not _err.is_terminal:
        yield lambda step: None
        return
    with _err.status("begin") as status:
        yield lambda step: status.update(step)


@contextlib.contextmanager
def bar(quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """Yield a function of (done, all) that shows how far the work is."""
    if quiet or not _err.is_terminal:
        yield lambda done, total: None
        return
    with Progress(*Progress.get_default_columns(), MofNCompleteColumn(), console=_err) as progress:
        shown = progress.add_task("steps", total=None)
        yield lambda done, total: progress.update(shown, completed=done, total=total)
