"""Assembles the sub-commands: only the one that is called is imported, so that the others cost no start."""

import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Final

import typer

from bitfit_toolkit.cli.failures import INTERRUPTED, NOT_READ, fail


@dataclass(frozen=True, slots=True)
class Listed:
    """A sub-command as `bitfit --help` lists it: the first line of its help, and the module that has it."""

    module: str
    help: str
    hidden: bool = False

    def load(self) -> ModuleType:
        """Import the module, and with it what the sub-command needs."""
        return importlib.import_module(f"{__package__}.{self.module}")


COMMANDS: Final[Mapping[str, Listed]] = {
    "export": Listed("export", "Export a pretrained encoder as a base, and verify it."),
    "train": Listed(
        "train", "Train the biases and a head for one task, and measure the pack in the engine that ships."
    ),
    "predict": Listed("predict", "Answer texts with one task, several, or every installed one, in mixed batches."),
    "run": Listed("predict", "The name before `predict`.", hidden=True),
    "eval": Listed("evaluate", "Measure a pack on labelled texts, in the engine that ships."),
    "inspect": Listed("inspect", "Show what a base or a pack holds, or how labelled texts are read before training."),
    "convert": Listed("convert", "Convert a pack to run without us, or what others trained to a pack."),
    "compare": Listed(
        "compare",
        "Compare BitFit with full fine-tuning, LoRA and others on your data: same head, same rows, tuned rates.",
    ),
    "push": Listed("push", "Push a base or a pack to the hub, in one commit."),
    "pull": Listed("pull", "Fetch a base or a pack from the hub, check its digests, and write it."),
    "publish": Listed("publish", "Publish packs as a static folder that devices can trust."),
    "update": Listed("update", "Keep a device's tasks up to date from a published folder."),
}
EPILOG: Final = (
    "Exit codes: 0 done, 2 usage, 3 data, 4 base, 5 pack, 6 unknown task, 7 training, 8 export, 9 system, 10 update, "
    "11 an extra is missing, 12 places and fleets, 13 hub, 70 a defect of bitfit."
)


def assemble(names: Sequence[str] = tuple(COMMANDS)) -> typer.Typer:
    """Return the command line; of the sub-commands that are not among `names` it knows the first line of their help."""
    app = typer.Typer(
        name="bitfit",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode="markdown",
        pretty_exceptions_enable=False,
        help="One frozen encoder, one small pack a task.",
        epilog=EPILOG,
    )
    for name, listed in COMMANDS.items():
        if name not in names:
            app.command(name, help=listed.help, hidden=listed.hidden)(_not_loaded)
            continue
        module = listed.load()
        if hasattr(module, "app"):
            app.add_typer(module.app, name=name)
        else:
            app.command(name, hidden=listed.hidden, epilog=module.EXAMPLES)(module.command)
    return app


def assemble_export() -> typer.Typer:
    """Return `bitfit-export`, which is `bitfit export`."""
    export = COMMANDS["export"].load()
    app = typer.Typer(add_completion=False, rich_markup_mode="markdown", pretty_exceptions_enable=False)
    app.command(epilog=export.EXAMPLES.replace("bitfit export", "bitfit-export"))(export.command)
    return app


def run(arguments: Sequence[str], program: str = "bitfit") -> None:
    """Run a program's command line and exit. No error ends in a traceback unless `BITFIT_TRACEBACK` is set."""
    app = None
    try:
        app = (
            assemble_export()
            if program == "bitfit-export"
            else assemble([name for name in arguments if name != "--"][:1])
        )
        code = app(args=list(arguments), prog_name=program, standalone_mode=False)
        sys.stdout.flush()
        if code == INTERRUPTED:  # which is how typer returns it
            raise KeyboardInterrupt
    except SystemExit as left:
        if isinstance(left.__context__, BrokenPipeError):  # for which typer leaves with 1
            sys.exit(NOT_READ)
        raise
    except (Exception, KeyboardInterrupt) as error:
        if os.environ.get("BITFIT_TRACEBACK"):
            raise
        fail(error, {} if app is None else _flags(app, arguments))
    sys.exit(code)


def _not_loaded() -> None:
    raise AssertionError("the sub-command that is called is loaded")


def _flags(app: typer.Typer, arguments: Sequence[str]) -> dict[str, str]:
    """Return the flag of each parameter of the command that was called."""
    command = typer.main.get_command(app)
    for argument in arguments:
        inner = getattr(command, "commands", {}).get(argument)
        if inner is None:
            break
        command = inner
    return {str(parameter.name): max(parameter.opts, key=len) for parameter in command.params if parameter.opts}
