"""Words of a text: split by the text alone, the same way whatever the tokenizer.

As BERT's pre-tokenizer does it: at white space and around every punctuation mark. Where a script is written without
spaces (BERT knows of Chinese characters alone), each character is a word.
"""

import re
import unicodedata
from typing import Final, NamedTuple

SPACE, HIDDEN, PUNCTUATION, ALONE, ACCENT, LETTER = " ", "-", ".", "c", "m", "w"
WHITE_SPACE: Final = frozenset("\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000").union(
    map(chr, range(0x2000, 0x200B))
)
ASCII_PUNCTUATION: Final = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
UNSPACED: Final = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Burmese
    (0x1780, 0x17FF),  # Khmer
    (0x3005, 0x3007),  # Chinese marks of repetition, zero
    (0x3040, 0x312F),  # Hiragana, Katakana, Bopomofo
    (0x31F0, 0x31FF),  # more Katakana
    (0x3400, 0x4DBF),  # Chinese, as all below but one
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0xFF66, 0xFF9F),  # narrow Katakana
    (0x20000, 0x323AF),
)
WORD: Final = re.compile(rf"\{PUNCTUATION}|{ALONE}[{ACCENT}{HIDDEN}]*|[{LETTER}{ACCENT}{HIDDEN}]+")
# What stays at the edge of a piece that covers several words: "@ann", "#1", "5%", ".net", "$5" (a symbol, not a mark).
KEPT_BEFORE: Final = frozenset(".@#&%/\\*_")
KEPT_AFTER: Final = frozenset("%‰@#&/\\*_")
MOST_ACCENTS: Final = 32  # on one character
LONGEST: Final = 1000  # characters of a word that are looked at


class Characters(NamedTuple):
    """Characters `start` to `end` (exclusive) of a text."""

    start: int
    end: int


class _Kinds(dict[int, str]):
    """The kind of each character, one letter each, by code point: the table of `str.translate`."""

    def __missing__(self, code: int) -> str:
        kind = _kind(chr(code))
        if len(self) < 1 << 13:  # a text may hold a million different characters
            self[code] = kind
        return kind


_KINDS: Final = _Kinds()


def kinds(text: str) -> str:
    """Return the kind of each character of `text`, one letter each."""
    return text.translate(_KINDS)


def split_words(text: str) -> list[Characters]:
    """Return the words of `text` in order, without invisible characters at their edges."""
    of_text = kinds(text)
    found = (Characters(*match.span()) for match in WORD.finditer(of_text))
    if HIDDEN in of_text:
        found = (visible(text, word.start, word.end) for word in found)
    return [word for word in found if word.start < word.end]


def rest_of_word(text: str, start: int) -> int:
    """Return where the word ends that `start` may be inside of, so that a text can be cut there."""
    rest = kinds(text[start - 1 : start + LONGEST])
    return start - 1 + (found.end() if (found := WORD.match(rest)) else 1)


def visible(text: str, start: int, end: int) -> Characters:
    """Return characters `start` to `end` without white space and invisible characters around them."""
    while start < end and _KINDS[ord(text[end - 1])] in (SPACE, HIDDEN):
        end -= 1
    while start < end and _KINDS[ord(text[start])] in (SPACE, HIDDEN):
        start += 1
    return Characters(start, end)


def without_marks(text: str, start: int, end: int) -> Characters:
    """Return the characters that a token stands for which covers several words.

    "Paris," as one token is Paris, "(Ann's" Ann and "U.S." itself: brackets, quotes and the marks of a sentence at its
    edges are left out. Characters that are nothing else stay as they are.
    """
    first, last = start, end
    while first < last and _is_mark(text[first]) and text[first] not in KEPT_BEFORE:
        first += 1
    while first < last and _is_mark(text[last - 1]) and text[last - 1] not in KEPT_AFTER:
        if _is_initial(text[max(first, last - 3) : last]):
            break
        last -= 1
    if last - first > len("'s") and text[last - 2] in "'’" and text[last - 1] in "sS":
        last -= len("'s")
    return visible(text, first, last) if first < last else Characters(start, end)


def with_accents(text: str, start: int, end: int) -> Characters:
    """Return characters `start` to `end` and the accents on the last, which a tokenizer may have taken off."""
    last = min(end + MOST_ACCENTS, len(text))
    while end < last and _KINDS[ord(text[end])] == ACCENT:
        end += 1
    return Characters(start, end)


def own_characters(text: str, start: int, end: int) -> Characters:
    """Return the characters that a token stands for: all of them, or `without_marks` where it covers several words."""
    several = len(split_words(text[start:end])) > 1
    return without_marks(text, start, end) if several else Characters(start, end)


def _is_mark(character: str) -> bool:
    return unicodedata.category(character).startswith("P") or character in WHITE_SPACE


def _is_initial(piece: str) -> bool:
    """Whether it ends as "J." and "U.S." do: the mark belongs to the letter."""
    return piece[-1] == "." and piece[-2:-1].isalpha() and not piece[-3:-2].isalnum()


def _kind(character: str) -> str:
    code, category = ord(character), unicodedata.category(character)
    if character in WHITE_SPACE:
        return SPACE
    if category.startswith("C") or character == "\ufffd":
        return HIDDEN
    if category.startswith("P") or character in ASCII_PUNCTUATION:
        return PUNCTUATION
    if category.startswith("M"):
        return ACCENT
    if any(first <= code <= last for first, last in UNSPACED):
        return ALONE
    return LETTER
