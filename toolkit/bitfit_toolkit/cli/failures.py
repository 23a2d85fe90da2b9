"""Failures: from errors to one-line messages and exit codes."""

import errno
import os
import re
import sys
import tempfile
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NoReturn

import typer

from bitfit_runtime.errors import (
    BaseError,
    BitfitError,
    HubError,
    InputError,
    MissingExtraError,
    PackError,
    UnknownTaskError,
    UpdateError,
    first_line,
)
from bitfit_toolkit.errors import DataError, FleetError, PlaceError, PublishError, TrainingError

# 1 is what Python leaves with by itself, and never ours; 2 is wrong usage, as usual.
USAGE: Final = 2
SYSTEM: Final = 9
DEFECT: Final = 70  # EX_SOFTWARE of sysexits.h
INTERRUPTED: Final = 130
NOT_READ: Final = 141  # as a shell says of a program that SIGPIPE ended
EXIT_CODES: tuple[tuple[type[BaseException], int], ...] = (
    (DataError, 3),
    (InputError, 3),
    (BaseError, 4),
    (PackError, 5),
    (UnknownTaskError, 6),
    (TrainingError, 7),
    (MissingExtraError, 11),
    (PlaceError, 12),
    (FleetError, 12),
    (HubError, 13),
    (PublishError, 10),
    (UpdateError, 10),
    (BitfitError, 8),
    (OSError, SYSTEM),
    (MemoryError, SYSTEM),
    (KeyboardInterrupt, INTERRUPTED),
)
# What typer raises, whose root it does not export: its older versions take it from the package click.
ClickException: Final = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")


def fail(error: BaseException, flags: Mapping[str, str]) -> NoReturn:
    """Print the error as one line and leave with its exit code. `flags` are those of the command's parameters.

    An exception that is neither ours nor the system's is a defect of ours, and reported as one.
    """
    if isinstance(error, ClickException):
        _leave(_usage(error), USAGE)
    if isinstance(error, (typer.Abort, KeyboardInterrupt)):
        _leave("interrupted; what was there is unchanged", INTERRUPTED)
    if isinstance(error, OSError) and error.errno == errno.EPIPE:
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115 (Python flushes it at the end)
        sys.exit(NOT_READ)
    if isinstance(error, MemoryError):
        _leave("there is not enough memory; use less data, a smaller batch or a smaller base", SYSTEM)
    code = next((code for kind, code in EXIT_CODES if isinstance(error, kind)), DEFECT)
    if code == DEFECT or (code == SYSTEM and getattr(error, "errno", None) is None):
        _leave(_defect(error), DEFECT)
    _leave(with_flags(str(error), flags), code)


def with_flags(message: str, flags: Mapping[str, str]) -> str:
    """Return a library's message with the command's flags in place of the parameters that it names.

    A parameter is named in backquotes, or has an underscore: words such as `text` are words of the language as well.
    """
    named = {f"`{name}`": flag for name, flag in flags.items()}
    named |= {name: flag for name, flag in flags.items() if "_" in name}
    if not named:
        return message
    longest_first = sorted(named, key=len, reverse=True)
    pattern = "|".join(rf"(?<!\w){re.escape(name)}(?!\w)" for name in longest_first)
    return re.sub(pattern, lambda found: named[found[0]], message)


def _leave(message: str, code: int) -> NoReturn:
    """Print a message on one line, whatever file name or exception it quotes, and exit."""
    if message:
        sys.stderr.write(f"error: {BitfitError(' '.join(message.split()))}\n")
    sys.exit(code)


def _usage(error: BaseException) -> str:
    """Return what is wrong with the command line; nothing where help was shown in place of a message."""
    message: str = error.format_message()  # type: ignore[attr-defined]
    context = getattr(error, "ctx", None)
    if not message.strip() or context is None:
        return message
    return f"{message.strip().removesuffix('.')}; see '{context.command_path} --help'"


def _defect(error: BaseException) -> str:
    """Return how to report an exception that nobody expected, whose traceback goes into a file."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" in {Path(frames[-1].filename).name}, line {frames[-1].lineno}" if frames else ""
    what = f"this is a defect of bitfit-edge: {type(error).__name__}{where} ({first_line(error)})"
    try:
        descriptor, name = tempfile.mkstemp(prefix="bitfit-defect-", suffix=".txt")
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as stream:
            stream.write("".join(traceback.format_exception(error)))
    except OSError:
        return f"{what}; please report it with the command and the traceback that BITFIT_TRACEBACK=1 shows"
    return f"{what}; please report it with the command and {name}"
