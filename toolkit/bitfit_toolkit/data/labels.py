"""Tidy labels: no white space around them, and no two that look the same."""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from bitfit_toolkit.errors import DataError
from bitfit_toolkit.tasks import Example, Mark
from bitfit_toolkit.tasks.base import Label, tidy


def tidy_labels(where: str, examples: Sequence[Example]) -> tuple[list[Example], list[str]]:
    """Return the examples with white space stripped from their labels, and notes on what was stripped.

    Raises DataError on two labels that differ in inner white space, or in how their characters are composed, alone.
    """
    stripped: Counter[str] = Counter()
    tidied = [_tidied(example, stripped) for example in examples]
    _check_distinct(where, tidied)
    if not stripped:
        return tidied, []
    first = next(iter(stripped))
    rows = "once" if stripped.total() == 1 else f"{stripped.total():,} times"
    return tidied, [f"{where}: white space around labels was stripped, {rows}, first of {first!r}"]


def names_of(label: Label | None) -> Iterator[str]:
    """Yield the names in a label: none of a number."""
    if isinstance(label, str):
        yield label
    elif isinstance(label, tuple):
        yield from (part.label if isinstance(part, Mark) else part for part in label)


def _tidied(example: Example, stripped: Counter[str]) -> Example:
    changed = [name for name in names_of(example.label) if isinstance(name, str) and tidy(name) != name]
    if not changed:
        return example
    stripped.update(changed)
    label = example.label
    if isinstance(label, str):
        return replace(example, label=tidy(label))
    parts = label if isinstance(label, tuple) else ()
    if any(isinstance(part, Mark) for part in parts):
        marks = tuple(replace(part, label=tidy(part.label)) for part in parts if isinstance(part, Mark))
        return replace(example, label=marks)
    return replace(example, label=tuple(dict.fromkeys(tidy(part) for part in parts if isinstance(part, str))))


def _check_distinct(where: str, examples: Iterable[Example]) -> None:
    seen: dict[str, str] = {}
    for name in dict.fromkeys(name for example in examples for name in names_of(example.label)):
        if not isinstance(name, str):
            continue
        other = seen.setdefault(unicodedata.normalize("NFC", " ".join(name.split())), name)
        if other != name:
            raise DataError(f"{where}: labels {other!a} and {name!a} look the same; write them alike")
