"""Assembles the sub-commands."""

import os
from collections.abc import Sequence

import typer

from bitfit_toolkit.cli import compare, convert, evaluate, export, inspect, predict, publish, train, update
from bitfit_toolkit.cli.failures import fail

app = typer.Typer(
    name="bitfit",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    help="One frozen encoder, one small pack a task.",
    epilog="Exit codes: 0 done, 2 usage, 3 data, 4 base, 5 pack, 6 unknown task, 7 training, 8 export, 9 system, "
    "10 update.",
)
for module, name in (
    (export, "export"),
    (train, "train"),
    (predict, "predict"),
    (evaluate, "eval"),
    (inspect, "inspect"),
    (convert, "convert"),
    (compare, "compare"),
):
    app.command(name, epilog=module.EXAMPLES)(module.command)
app.command("run", hidden=True, epilog=predict.EXAMPLES)(predict.command)  # the name before `predict`
app.add_typer(publish.app, name="publish")
app.add_typer(update.app, name="update")

export_app = typer.Typer(add_completion=False, rich_markup_mode="markdown")
export_app.command(epilog=export.EXAMPLES.replace("bitfit export", "bitfit-export"))(export.command)
PROGRAMS = {"bitfit": app, "bitfit-export": export_app}


def run(arguments: Sequence[str], program: str = "bitfit") -> None:
    """Run a program's command line and exit. No error ends in a traceback unless `BITFIT_TRACEBACK` is set."""
    try:
        PROGRAMS[program](args=list(arguments), prog_name=program)
    except (Exception, KeyboardInterrupt) as error:
        if os.environ.get("BITFIT_TRACEBACK"):
            raise
        fail(error, _flags(program, arguments))


def _flags(program: str, arguments: Sequence[str]) -> dict[str, str]:
    """Return the flag of each parameter of the command that was called."""
    command = typer.main.get_command(PROGRAMS[program])
    for argument in arguments:
        inner = getattr(command, "commands", {}).get(argument)
        if inner is None:
            break
        command = inner
    return {str(parameter.name): max(parameter.opts, key=len) for parameter in command.params if parameter.opts}
