"""Assembles the sub-commands."""

import os
from collections.abc import Sequence

import click
import typer

from bitfit_toolkit.cli import convert, evaluate, export, inspect, run_texts, train
from bitfit_toolkit.cli.failures import fail

app = typer.Typer(
    name="bitfit",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    help="One frozen encoder, one small pack a task.",
    epilog="Exit codes: 0 done, 2 usage, 3 data, 4 base, 5 pack, 6 unknown task, 7 training, 8 export, 9 system.",
)
for module, name in (
    (export, "export"),
    (train, "train"),
    (run_texts, "run"),
    (evaluate, "eval"),
    (inspect, "inspect"),
    (convert, "convert"),
):
    app.command(name, epilog=module.EXAMPLES)(module.command)


def run(arguments: Sequence[str]) -> None:
    """Run the command line and exit the process. No error ends in a traceback unless `BITFIT_TRACEBACK` is set."""
    try:
        app(args=list(arguments))
    except (Exception, KeyboardInterrupt) as error:
        if isinstance(error, click.exceptions.Exit) or os.environ.get("BITFIT_TRACEBACK"):
            raise
        fail(error)
