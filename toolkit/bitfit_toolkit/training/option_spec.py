"""Declarations of options: dataclass fields that carry their help text, their flag, their bounds and their rules.

The command line, the TOML of `--many`, the checks, and the rules for resumed and shared runs are all derived from them.
"""

import operator
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import Field, dataclass, field, fields, replace
from enum import Enum
from functools import cache
from numbers import Integral, Real
from pathlib import Path
from types import NoneType
from typing import Any, Final, get_args, get_type_hints

BOUNDS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "above": operator.gt,
    "at_least": operator.ge,
    "below": operator.lt,
    "at_most": operator.le,
}

# NumPy's numbers are numbers, True is none.
TYPES: Final[Mapping[type, type]] = {str: str, bool: bool, int: Integral, float: Real}
NAMES: Final[Mapping[type, str]] = {
    str: "a string",
    bool: "True or False",
    int: "a whole number",
    float: "a number",
    Path: "a path",
}


class Sharing(Enum):
    """How runs that share their passes may set an option."""

    EACH = "each run has its own value"
    COMMON = "all runs have the same value"
    NONE = "all runs keep the default"


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionSpec:
    """One option: what its field declares, and what follows from the field itself.

    `flag` is its name on the command line, `key` in TOML, and `recorded` in the record of a run that keeps checkpoints;
    where they are not declared they follow from `name` and `flag`. `hidden`: it is for programs, and in neither of the
    first two. `words` are strings that it takes beside numbers. `listed`: a list in TOML makes a run for each value.
    `resumable`: it may differ between a run and its continuation. `compared`: `bitfit compare` takes it too.

    The rest is the field's own: `name`, `default`, `type` (`str`, `int`, `float`, `bool` or `Path`), and `optional`, by
    which None is a value as well.
    """

    help: str
    flag: str = ""
    key: str = ""
    recorded: str = ""
    hidden: bool = False
    choices: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    above: float | None = None
    at_least: float | None = None
    below: float | None = None
    at_most: float | None = None
    sharing: Sharing = Sharing.NONE
    listed: bool = False
    resumable: bool = False
    compared: bool = False
    name: str = ""
    type: type = str
    optional: bool = False
    default: Any = None

    def problem(self, value: Any) -> str | None:
        """Return what is wrong with a value, None where nothing is."""
        if (value is None and self.optional) or (isinstance(value, str) and value in self.words):
            return None
        accepted = (str, os.PathLike) if self.type is Path else TYPES[self.type]
        if not isinstance(value, accepted) or (self.type is not bool and isinstance(value, bool)):
            expected = " or ".join((NAMES[self.type], *self.words))
            return f"`{self.name}` should be {expected}, found {value!r}"
        if self.choices and value not in self.choices:
            return f"`{self.name}` should be one of {', '.join(self.choices)}, found {value!r}"
        bounds = {word: getattr(self, word) for word in BOUNDS if getattr(self, word) is not None}
        if all(BOUNDS[word](value, bound) for word, bound in bounds.items()):
            return None
        expected = " and ".join(f"{word.replace('_', ' ')} {bound}" for word, bound in bounds.items())
        return f"`{self.name}` should be {expected}, found {value}"


def option(default: Any, text: str, **rules: Any) -> Any:
    """Return a dataclass field with a default, a help text and any other attributes of an OptionSpec."""
    return field(default=default, metadata={"option": OptionSpec(help=text, **rules)})


def option_specs(options: type) -> Mapping[str, OptionSpec]:
    """Return the options that a dataclass declares, complete, by name."""
    return _option_specs(options)


@cache
def _option_specs(options: type) -> Mapping[str, OptionSpec]:
    hints = get_type_hints(options)
    return {one.name: _complete(one, hints[one.name]) for one in fields(options)}


def _complete(declared: Field[Any], hint: Any) -> OptionSpec:
    spec: OptionSpec = declared.metadata["option"]
    types = [part for part in get_args(hint) or (hint,) if part is not NoneType]
    flag = spec.flag or f"--{declared.name.replace('_', '-')}"
    return replace(
        spec,
        flag=flag,
        key=spec.key or flag.removeprefix("--"),
        recorded=spec.recorded or flag.removeprefix("--").replace("-", "_"),
        name=declared.name,
        type=Path if Path in types else types[0],
        optional=NoneType in get_args(hint),
        default=declared.default,
    )


def problems(options: Any) -> Iterator[str]:
    """Yield what is wrong with the values of an options object, each judged by itself."""
    for name, spec in option_specs(type(options)).items():
        problem = spec.problem(getattr(options, name))
        if problem is not None:
            yield problem
