"""CSV and TSV files: every cell is the string that is written there."""

import csv
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bitfit_toolkit.data.table import Column, Table
from bitfit_toolkit.data.text_encoding import find_encoding, open_text
from bitfit_toolkit.errors import DataError

TAB = "\t"
SEPARATORS = {",": "comma", ";": "semicolon", TAB: "tab", "|": "bar"}
EXCEL_HINT = "sep="  # a first line that Excel writes and reads


def read_csv(path: Path, text_encoding: str | None = None) -> Table:
    """Read a file whose header shows its separator."""
    return _read(path, text_encoding, ",")


def read_tsv(path: Path, text_encoding: str | None = None) -> Table:
    """Read a file separated by tabs, in which a quote is a character like any other, as GLUE has them."""
    return _read(path, text_encoding, TAB)


@dataclass(frozen=True, slots=True)
class Delimited:
    """A file that is open: its header, and each row that is not blank with the line on which it begins."""

    header: list[str]
    rows: Iterator[tuple[int, list[str]]]
    encoding: str
    separator: str
    quoted: bool


@contextmanager
def open_delimited(path: Path, text_encoding: str | None, usual: str) -> Iterator[Delimited]:
    """Open a file whose header shows its separator, `usual` where it shows none. Raises DataError, also in reading."""
    encoding = find_encoding(path, text_encoding)
    first, separator = _header(path, encoding, usual)
    quoted = not usual == separator == TAB
    quoting: Any = csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
    with open_text(path, encoding, newline="") as stream, _long_fields():
        for _ in range(first):
            next(stream)
        rows = _rows(path, csv.reader(stream, delimiter=separator, strict=True, quoting=quoting), first)
        _, header = next(rows, (first, []))
        yield Delimited([name.strip() for name in header], rows, encoding, separator, quoted)


def _read(path: Path, text_encoding: str | None, usual: str) -> Table:
    with open_delimited(path, text_encoding, usual) as found:
        cells: list[list[str]] = [[] for _ in found.header]
        lines: list[int] = []
        for line, row in found.rows:
            if len(row) != len(cells):
                remedy = "a cell of a TSV file holds no tab"
                if found.quoted:
                    remedy = f"quote a cell that holds a {SEPARATORS[found.separator]}"
                raise DataError(f"{path}, line {line} has {len(row)} cells where the header has {len(cells)}; {remedy}")
            for column, value in zip(cells, row, strict=True):
                column.append(value)
            lines.append(line)
    kind, separator = "TSV" if usual == TAB else "CSV", SEPARATORS[found.separator]
    facts = {"format": kind, "encoding": found.encoding, "separator": separator}
    return Table(str(path), tuple(map(Column, found.header, cells)), lines, facts)


def _rows(path: Path, reader: Any, skipped: int) -> Iterator[tuple[int, list[str]]]:
    """Yield each row that is not blank with the line on which it begins."""
    line = skipped + 1
    try:
        for row in reader:
            if row:
                yield line, row
            line = skipped + reader.line_num + 1
    except csv.Error as error:
        raise DataError(f"{path}, line {line} cannot be read as CSV ({error}); fix its quotes") from None


def _header(path: Path, encoding: str, usual: str) -> tuple[int, str]:
    """Return how many lines come before the header, and the separator that it shows."""
    skipped, separator = 0, None
    with open_text(path, encoding, newline="") as stream:
        for line in stream:
            text = line.strip("\r\n")
            if text.lower().startswith(EXCEL_HINT) and text[len(EXCEL_HINT) :] in SEPARATORS:
                separator = text[len(EXCEL_HINT) :]
            elif text.strip():
                return skipped, separator or _shown(text, usual)
            skipped += 1
    return skipped, usual


def _shown(header: str, usual: str) -> str:
    """Return the usual separator where the header has it, else the one that parts it into most names."""
    if usual in header:
        return usual
    best = max(SEPARATORS, key=header.count)
    return best if best in header else usual


@contextmanager
def _long_fields() -> Iterator[None]:
    """Lift the limit of 128 kB a cell."""
    before = csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    try:
        yield
    finally:
        csv.field_size_limit(before)
