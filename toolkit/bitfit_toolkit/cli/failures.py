"""From errors to one-line messages and exit codes."""

import sys
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


def fail(error: BaseException) -> NoReturn:
    """Print the error as one line and leave with its exit code."""
    code = next((code for kind, code in EXIT_CODES if isinstance(error, kind)), 1)
    message = "interrupted; what was there is unchanged" if code == 130 else " ".join(str(error).split())
    sys.stderr.write(f"error: {message}\n")
    sys.exit(code)
