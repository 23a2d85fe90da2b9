"""Text of a file: compressed or not, in UTF-8, in UTF-16 or UTF-32 with a mark, or in the encoding that is named."""

import codecs
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TextIO, cast

from bitfit_toolkit.errors import DataError

MARKS = (  # the longest first: that of UTF-32 begins like that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
NOT_TEXT = {
    b"PK\x03\x04": "a zip archive or an Excel sheet; save it as CSV in UTF-8",
    b"PAR1": "a Parquet file; name it .parquet",
    b"\xd0\xcf\x11\xe0": "an Excel sheet; save it as CSV in UTF-8",
    b"version https://git-lfs": "a Git LFS pointer; run git lfs pull",
}
GZIP = b"\x1f\x8b"
LOOKED_AT = 4096  # bytes
UNREADABLE = (OSError, EOFError, zlib.error)  # what bytes raise that are not there, or compressed and altered


@contextmanager
def open_bytes(path: Path) -> Iterator[BinaryIO]:
    """Open a file, decompressed where it is compressed. Raises DataError."""
    with path.open("rb") as stream:
        compressed = stream.read(2) == GZIP
    with cast(BinaryIO, gzip.open(path, "rb")) if compressed else path.open("rb") as stream:
        yield stream


def find_encoding(path: Path, chosen: str | None) -> str:
    """Return the encoding of a file: by its mark, else the chosen one, else UTF-8. Raises DataError."""
    with open_bytes(path) as stream:
        head = stream.read(LOOKED_AT)
    for start, what in NOT_TEXT.items():
        if head.startswith(start):
            raise DataError(f"{path} is {what}")
    by_mark = next((name for mark, name in MARKS if head.startswith(mark)), None)
    if by_mark is not None:
        return by_mark
    if chosen is not None:
        return _checked(path, chosen)
    if head.count(0) > len(head) // 4:
        likely = "utf-16-le" if head[1:2] == b"\0" else "utf-16-be"
        raise DataError(f"{path} is not UTF-8; give its encoding with text_encoding, probably {likely}")
    return "utf-8"


@contextmanager
def open_text(path: Path, encoding: str, newline: str | None = None) -> Iterator[TextIO]:
    """Open a file as text. Raises DataError, naming the line, where it is not in that encoding."""
    try:
        with open_bytes(path) as stream, io.TextIOWrapper(stream, encoding, newline=newline) as text:
            yield text
    except UnicodeError as error:
        if encoding not in ("utf-8", "utf-8-sig"):
            raise DataError(f"{path} is not in {encoding}; give another text_encoding") from None
        line, byte = _first_wrong(path)
        del error
        raise DataError(
            f"{path}, line {line} is not UTF-8 (byte {byte}); give its encoding with text_encoding, such as cp1252"
        ) from None


def _first_wrong(path: Path) -> tuple[int, str]:
    """Return the first line that is not UTF-8, and the byte at which it is not."""
    with open_bytes(path) as stream:
        for number, line in enumerate(stream, 1):
            try:
                line.decode()
            except UnicodeDecodeError as error:
                return number, f"0x{line[error.start]:02x}"
    return 1, "unknown"


def _checked(path: Path, name: str) -> str:
    try:
        "".encode(name)
        b"".decode(name)
        found = codecs.lookup(name).name
    except (LookupError, ValueError, TypeError):
        raise DataError(f"text_encoding {name!r} of {path} is unknown; give one such as cp1252 or utf-16-le") from None
    return found
