"""Schemes of tags: how a tag for each word says where entities begin and end.

BIO, IOB1, IOBES, BILOU and BMEWO differ in letters alone and are read by the same rule: B, S, U and W begin an entity,
L and E end it, I, M, E and L go on with it where it has the same name. The letter comes before the name (`B-PER`), or
after it (`PER-B`). Bare names (`PER`) make one entity of neighbours that share one.
"""

import re
from collections.abc import Iterable, Sequence
from enum import Enum
from typing import Final

from bitfit_toolkit.errors import DataError
from bitfit_toolkit.tasks.base import Mark, tidy

OUTSIDE: Final = "O"
BEGINS, ENDS = frozenset("BSUW"), frozenset("ELSUW")
PREFIXED = re.compile(r"([BIESLUMWbieslumw])[-_](.*)", re.DOTALL)
SUFFIXED = re.compile(r"(.*)[-_]([BIESLUMWbieslumw])", re.DOTALL)
# Without a name beside it, none of these can be the name of an entity.
NAMELESS: Final = frozenset("BIESLUMWo0_-")


class Scheme(Enum):
    """Where a tag has its letter."""

    PREFIX = "B-NAME"
    SUFFIX = "NAME-B"
    BARE = "NAME"


def find_scheme(tags: Iterable[str]) -> Scheme:
    """Return the scheme that the tags of a whole table show."""
    entities = {tag for tag in tags if tag != OUTSIDE}
    if not entities or any(PREFIXED.fullmatch(tag) for tag in entities):
        return Scheme.PREFIX
    return Scheme.SUFFIX if all(SUFFIXED.fullmatch(tag) for tag in entities) else Scheme.BARE


def split_tag(where: str, tag: str, scheme: Scheme) -> tuple[str, str]:
    """Return a tag's letter and name, both empty outside entities. Raises DataError."""
    if tag == OUTSIDE:
        return "", ""
    found = None
    if scheme is Scheme.PREFIX:
        found = PREFIXED.fullmatch(tag)
        letter, name = found.groups() if found else ("", "")
    elif scheme is Scheme.SUFFIX:
        found = SUFFIXED.fullmatch(tag)
        name, letter = found.groups() if found else ("", "")
    else:
        letter, name = "I", "" if tag in NAMELESS or tag.isdigit() else tag
    if not tidy(name):
        raise DataError(
            f"{where}: a tag should be {OUTSIDE}, B-NAME or I-NAME (or all of them S-, E-, U- or L-NAME, NAME-B, or "
            f"NAME), found {tag!r}; fix that row"
        )
    return letter.upper(), tidy(name)


def read_tags(where: str, words: Sequence[str], tags: Sequence[str], scheme: Scheme) -> tuple[Mark, ...]:
    """Return the entities of words that are joined by spaces. Raises DataError."""
    found: list[Mark] = []
    end, open_name = -1, ""
    for word, tag in zip(words, tags, strict=True):
        letter, name = split_tag(where, tag, scheme)
        start, end = end + 1, end + 1 + len(word)
        if name and not word:
            raise DataError(f"{where}: a word with the tag {tag!r} is empty; fix that row")
        if name and letter not in BEGINS and name == open_name:
            found[-1] = Mark(name, found[-1].start, end)
        elif name:
            found.append(Mark(name, start, end))
        open_name = "" if letter in ENDS else name
    return tuple(found)
