"""The tables of WordPiece: what each character becomes, read off the `tokenizers` library. `docs/formats.md` says how.

With them no implementation depends on its platform's Unicode version. `python -m vectors.tables` writes them.
"""

import struct
import unicodedata
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from tokenizers.normalizers import NFD, BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer

from bitfit_runtime.words import ACCENT, ALONE, HIDDEN, LETTER, PUNCTUATION, SPACE, kinds

TABLES: Final = Path(__file__).resolve().parents[2] / "runtime" / "tables"
MAGIC: Final = b"BITFITWP"
VERSION: Final = 1
DROPPED, SPACED, HANGUL, BECOMES = 0, 1, 2, 4  # what a character becomes; 3 is alone and itself
SURROGATES: Final = range(0xD800, 0xE000)
SYLLABLES: Final = range(0xAC00, 0xD7A4)
CHARACTERS: Final = tuple(code for code in range(0x110000) if code not in SURROGATES)
HIGHEST: Final = "\u0345"  # the mark of the highest combining class, 240


@dataclass(frozen=True, slots=True)
class Table:
    """One table: `uncased` takes off case and accents."""

    uncased: bool

    @property
    def path(self) -> Path:
        return TABLES / f"wordpiece-{'uncased' if self.uncased else 'cased'}.bin"

    def data(self) -> bytes:
        """Return the table as its file holds it."""
        classes = combining_classes() if self.uncased else {}
        content = b"".join(
            (
                _encoded(self._runs()),
                _encoded(_equal_runs(classes)),
                _encoded(_equal_runs({code: kind for code in CHARACTERS if (kind := word_kind(code))})),
            )
        )
        deflater = zlib.compressobj(9, zlib.DEFLATED, -15, 9)
        head = MAGIC + struct.pack("<BBxxI", VERSION, self.uncased, len(content))
        return head + deflater.compress(content) + deflater.flush()

    def becomes(self) -> dict[int, tuple[int, ...]]:
        """Return for each character but plain letters its operation and the differences to what it becomes."""
        clean = BertNormalizer(True, False, False, False)
        chinese = BertNormalizer(False, True, False, False)
        whole = BertNormalizer(True, True, None, self.uncased)
        words, found = BertPreTokenizer(), dict[int, tuple[int, ...]]()
        for code in CHARACTERS:
            one = chr(code)
            cleaned, spaced, last = (how.normalize_str(one) for how in (clean, chinese, whole))
            if not cleaned or cleaned == " ":
                found[code] = (SPACED if cleaned else DROPPED,)
                continue
            alone = len(words.pre_tokenize_str(f"a{last}b")) == 3
            last = last.strip() if len(spaced) == 3 else last
            assert not any(part.isspace() for part in last) and (len(last) == 1 or not alone), hex(code)
            if self.uncased and code in SYLLABLES:
                found[code] = (HANGUL,)
            elif last != one or alone:
                others = [_zigzag(ord(other) - code) for other in last] if last != one else []
                found[code] = (BECOMES + 2 * len(last) + alone, *others) if last != one else (3,)
        return found

    def _runs(self) -> Iterator[tuple[int, int, tuple[int, ...]]]:
        return _equal_runs(self.becomes())


@cache
def combining_classes() -> Mapping[int, int]:
    """Return the combining class of each character that has one in the library, by what it is not ordered with."""
    order = NFD().normalize_str
    marks = {code: mark for code in CHARACTERS if order(HIGHEST + (mark := order(chr(code))[0])) != HIGHEST + mark}
    known = {unicodedata.combining(mark): mark for mark in [*reversed(marks.values()), HIGHEST]}
    found = {ord(HIGHEST): 240}
    for code, mark in marks.items():
        (found[code],) = (
            number
            for number, other in known.items()
            if order(mark + other) == mark + other and order(other + mark) == other + mark
        )
    return found


def word_kind(code: int) -> int:
    """Return what `words.py` knows of a character as a number, 0 of hidden ones."""
    one = chr(code)
    kind = kinds(one)
    if kind in (LETTER, ALONE):
        return (1 if kind == LETTER else 4) + (0 if one.isalpha() else 1 if one.isalnum() else 2)
    symbol = not unicodedata.category(one).startswith("P")
    return {HIDDEN: 0, SPACE: 7, ACCENT: 8, PUNCTUATION: 10 if symbol else 9}[kind]


def _equal_runs(
    values: Mapping[int, int] | Mapping[int, tuple[int, ...]],
) -> Iterator[tuple[int, int, tuple[int, ...]]]:
    """Yield first character, length and value of each run of characters that follow each other with equal values."""
    start = stop = -1
    held: tuple[int, ...] = ()
    for code, value in sorted(values.items()):
        own = value if isinstance(value, tuple) else (value,)
        if code != stop or own != held:
            if stop > start:
                yield start, stop - start, held
            start, held = code, own
        stop = code + 1
    if stop > start:
        yield start, stop - start, held


def _encoded(runs: Iterable[tuple[int, int, tuple[int, ...]]]) -> bytes:
    found, end = bytearray(), 0
    listed = list(runs)
    found += _varint(len(listed))
    for start, length, value in listed:
        for number in (start - end, length - 1, *value):
            found += _varint(number)
        end = start + length
    return bytes(found)


def _zigzag(number: int) -> int:
    return 2 * number if number >= 0 else -2 * number - 1


def _varint(number: int) -> bytes:
    found = bytearray()
    while number > 127:
        found.append(number & 127 | 128)
        number >>= 7
    found.append(number)
    return bytes(found)


def main() -> None:
    """Write the tables."""
    TABLES.mkdir(exist_ok=True)
    for table in (Table(uncased=True), Table(uncased=False)):
        table.path.write_bytes(table.data())


if __name__ == "__main__":
    main()
