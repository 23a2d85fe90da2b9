"""Results on standard output, everything else on standard error."""

import contextlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import typer
from rich.console import Console
from rich.table import Column, Table

from bitfit_runtime import BitfitError
from bitfit_toolkit.cli.printable import cell, printable

_out = Console(highlight=False)
_err = Console(stderr=True, highlight=False)


def print_json(value: Any) -> None:
    """Print one JSON document on one line; characters that a terminal might take for a command are escaped."""
    document = json.dumps(value, ensure_ascii=False)
    typer.echo(document if document.isprintable() else "".join(c if _is_plain(c) else _escaped(c) for c in document))


def say(text: object, err: bool = False) -> None:
    """Print a line."""
    typer.echo(printable(text), err=err)


def print_notes(notes: Iterable[str]) -> None:
    """Print what a user should know on standard error."""
    for note in notes:
        say(f"note: {note}", err=True)


def raise_first(failures: Sequence[BitfitError]) -> None:
    """Raise the first of some failures, after a note on each of the others."""
    print_notes(map(str, failures[1:]))
    if failures:
        raise failures[0]


def print_pairs(rows: Iterable[tuple[str, str]]) -> None:
    """Print (what, figure) lines."""
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for what, figure in rows:
        table.add_row(cell(what), cell(figure))
    _out.print(table)


def print_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table."""
    table = Table(
        *(Column(cell(name), overflow="fold") for name in header), box=None, padding=(0, 2, 0, 0), header_style="bold"
    )
    for row in rows:
        table.add_row(*map(cell, row))
    _out.print(table)


def line_width() -> int:
    """Return how many characters a line of standard output has; 80 where it is no terminal."""
    return _out.width


@contextlib.contextmanager
def steps(quiet: bool) -> Iterator[Callable[[str], None]]:
    """Yield a function that shows the step under way while it takes its time."""
    if quiet or not _err.is_terminal:
        yield lambda step: None
        return
    with _err.status("begin") as status:
        yield lambda step: status.update(cell(step))


@contextlib.contextmanager
def bar(quiet: bool, what: str = "steps") -> Iterator[Callable[[int, int], None]]:
    """Yield a function of (done, all) that shows how far the work is."""
    if quiet or not _err.is_terminal:
        yield lambda done, total: None
        return
    from rich.progress import MofNCompleteColumn, Progress  # which most commands do not need

    with Progress(*Progress.get_default_columns(), MofNCompleteColumn(), console=_err) as progress:
        shown = progress.add_task(what, total=None)
        yield lambda done, total: progress.update(shown, completed=done, total=total)


def _is_plain(character: str) -> bool:
    return printable(character) == character


def _escaped(character: str) -> str:
    """Return a character as JSON escapes it; outside strings a document has none of these."""
    return json.dumps(character)[1:-1]
