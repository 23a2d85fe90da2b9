"""Failures: from errors to one-line messages and exit codes."""

import re
import sys
from collections.abc import Mapping
from typing import NoReturn

from bitfit_runtime.errors import (
    BaseError,
    BitfitError,
    InputError,
    MissingExtraError,
    PackError,
    UnknownTaskError,
    UpdateError,
)
from bitfit_toolkit.errors import DataError, PublishError, TrainingError

# 1 is any other failure and 2 wrong usage, as usual.
EXIT_CODES: tuple[tuple[type[BaseException], int], ...] = (
    (DataError, 3),
    (InputError, 3),
    (BaseError, 4),
    (PackError, 5),
    (UnknownTaskError, 6),
    (TrainingError, 7),
    (MissingExtraError, 1),
    (PublishError, 10),
    (UpdateError, 10),
    (BitfitError, 8),
    (OSError, 9),
    (KeyboardInterrupt, 130),
)


def fail(error: BaseException, flags: Mapping[str, str]) -> NoReturn:
    """Print the error as one line and leave with its exit code. `flags` are those of the command's parameters."""
    code = next((code for kind, code in EXIT_CODES if isinstance(error, kind)), 1)
    message = "interrupted; what was there is unchanged" if code == 130 else " ".join(str(error).split())
    sys.stderr.write(f"error: {with_flags(message, flags)}\n")
    sys.exit(code)


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
