"""Arguments of public functions: what is of the wrong type or out of bounds is refused in one line, by its name."""

import os
from collections.abc import Iterable, Sequence
from numbers import Real
from pathlib import Path

from bitfit_runtime.errors import InputError


def as_path(value: object, name: str) -> Path:
    """Return a path that a caller gave as a string or path object. Raises InputError."""
    if not isinstance(value, (str, os.PathLike)):
        raise InputError(f"`{name}` should be a path, found {_kind(value)}")
    path = os.fspath(value)
    if not isinstance(path, str) or "\0" in path:
        raise InputError(f"`{name}` should be a path that a file can have, found {shown(path)}")
    return Path(path)


def whole_number(value: object, name: str, least: int, most: int | None = None) -> int:
    """Return a whole number within its bounds. Raises InputError."""
    bounds = f"of at least {least}" if most is None else f"from {least} to {most}"
    expected = f"`{name}` should be a whole number {bounds}"
    try:
        number = value.__index__()  # type: ignore[attr-defined]  # NumPy's integers are whole numbers too
    except (AttributeError, TypeError):
        raise InputError(f"{expected}, found {_kind(value)}") from None
    if isinstance(value, bool) or number < least or (most is not None and number > most):
        raise InputError(f"{expected}, found {shown(value)}")
    return int(number)


def real_number(value: object, name: str, least: float, most: float, unit: str) -> float:
    """Return a number within its bounds, None being no number. Raises InputError."""
    if not isinstance(value, Real) or isinstance(value, bool) or not least <= value <= most:  # type: ignore[operator]
        raise InputError(f"`{name}` should be from {least:g} to {most:g} {unit}, found {_kind(value)}")
    return float(value)


def seconds(value: object, name: str, most: float, least: float = 0) -> float:
    """Return a number of seconds within its bounds. Raises InputError."""
    return real_number(value, name, least, most, "seconds")


def function(value: object, name: str, example: str) -> None:
    """Check that a value can be called. Raises InputError."""
    if not callable(value):
        raise InputError(f"`{name}` should be {example}, found {_kind(value)}")


def flag(value: object, name: str) -> bool:
    """Return True or False. Raises InputError."""
    if not isinstance(value, bool):
        raise InputError(f"`{name}` should be True or False, found {_kind(value)}")
    return value


def choice(value: object, name: str, choices: Sequence[str]) -> str:
    """Return one of the choices. Raises InputError."""
    if not isinstance(value, str) or value not in choices:
        raise InputError(f"`{name}` should be one of {', '.join(choices)}, found {shown(value)}")
    return value


def instance(value: object, name: str, kind: type, example: str) -> None:
    """Check that a value is of a class. Raises InputError."""
    if not isinstance(value, kind):
        raise InputError(f"`{name}` should be {example}, found {_kind(value)}")


def names(values: object, name: str) -> list[str]:
    """Return names of tasks as a list. Raises InputError."""
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise InputError(f"`{name}` should be a list of names, found {_kind(values)}; put it into a list")
    found = list(values)
    for value in found:
        if not isinstance(value, str) or not value:
            raise InputError(f"`{name}` should hold names, found {shown(value)}")
    return found


def _kind(value: object) -> str:
    """Describe a value of an unexpected type: what it is, and its text where that is short."""
    text = shown(value)
    return f"{type(value).__name__} {text}" if len(text) <= 40 else type(value).__name__


def shown(value: object) -> str:
    """Return how Python writes a value, whatever it is."""
    try:
        return repr(value)
    except ValueError:  # a whole number of more digits than Python writes
        return f"a {type(value).__name__} of too many digits"
