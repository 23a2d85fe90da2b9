"""Heads of long texts: as much of a text as surely holds the tokens that are kept of it.

A tokenizer takes microseconds and hundreds of bytes for each character, and most of a long text is cut off.
"""

import re
from typing import Final, NamedTuple

from bitfit_runtime.words import ACCENT, HIDDEN, LETTER, SPACE, kinds

LONGEST_WORD: Final = 1000  # characters
EXACT: Final = 100_000  # characters; up to here a text has words of any length
MARGIN: Final = 32  # tokens at the end of a head, which the rest of the text may change
FIRST: Final = 8  # characters a token; more are tried where they do not do
GROWTH: Final = 8
LONG_WORD: Final = re.compile(rf"[{LETTER}{ACCENT}{HIDDEN}]{{{LONGEST_WORD + 1}}}")
SURROGATE: Final = re.compile("[\ud800-\udfff]")


class Head(NamedTuple):
    """The beginning of a text, or `whole`; `last` says that no longer one will be tried."""

    text: str
    whole: bool
    last: bool


def head(text: str, tokens: int, attempt: int) -> Head:
    """Return the head to tokenize where `tokens` are kept, larger with each `attempt` from 0.

    It ends before white space where that is near. Of more than EXACT characters only so many are looked at as `tokens`
    words of LONGEST_WORD can take, and nothing behind a longer word.
    """
    wanted = tokens + MARGIN
    size = FIRST * wanted * GROWTH**attempt
    if len(text) <= size:
        return Head(text, True, True)
    most = max((tokens + 1) * (LONGEST_WORD + 1), EXACT)
    if len(text) > EXACT and (word := LONG_WORD.search(kinds(text[: min(size, most)]))):
        return Head(text[: word.start() + LONGEST_WORD], False, True)
    if size >= most:
        return Head(text[:most], False, True)
    return Head(text[: _boundary(text, size)], False, False)


def _boundary(text: str, size: int) -> int:
    """Return where the last white space before `size` begins, if it is near; otherwise `size`."""
    near = max(size - LONGEST_WORD - 1, 0)
    before = kinds(text[near:size]).rpartition(SPACE)[0].rstrip(SPACE)
    return near + len(before) if before else size


def holds(tokens: int, kept: int) -> bool:
    """Whether a head of so many tokens surely holds one more than are kept."""
    return tokens > kept + MARGIN


def is_valid(text: str) -> bool:
    """Whether a string is valid Unicode: a lone surrogate is not."""
    return SURROGATE.search(text) is None
