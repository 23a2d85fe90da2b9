"""Files of rows, streamed: Parquet, CSV, TSV and JSON lines, of which no more than a chunk is in memory."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Final, TypeAlias

from bitfit_runtime.errors import first_line
from bitfit_toolkit.data.arrow_files import pyarrow
from bitfit_toolkit.data.delimited import open_delimited
from bitfit_toolkit.data.json_files import DECODER
from bitfit_toolkit.data.text_encoding import UNREADABLE, find_encoding, open_text
from bitfit_toolkit.errors import DataError

CHUNK: Final = 1024  # rows
PARQUET: Final = ".parquet"
SEPARATORS: Final = {".csv": ",", ".tsv": "\t"}
LINES: Final = (".jsonl", ".ndjson")
ENDINGS: Final = (PARQUET, *SEPARATORS, *LINES, ".csv.gz", ".jsonl.gz")
Cells: TypeAlias = tuple[object, ...]


class Malformed:
    """A row that could not be read, which stands in its place with the reason."""

    def __init__(self, reason: str) -> None:
        self.reason = reason


Chunk: TypeAlias = list[Cells | Malformed]
# From the names of a file's columns to those that are wanted.
Choose: TypeAlias = Callable[[Sequence[str]], Sequence[str]]


def is_source(name: str) -> bool:
    """Whether a file's name ends as one of rows does."""
    return _ending(name) in (PARQUET, *SEPARATORS, *LINES)


def stream(path: Path, choose: Choose, encoding: str | None = None) -> Iterator[Chunk]:
    """Yield the chosen cells of each row, a chunk at a time. Raises DataError."""
    kind = _ending(path.name)
    try:
        if kind == PARQUET:
            yield from _parquet(path, choose)
        elif kind in SEPARATORS:
            yield from _chunks(_delimited(path, choose, encoding, SEPARATORS[kind]))
        else:
            yield from _chunks(_lines(path, choose, encoding))
    except UNREADABLE as error:
        raise DataError(f"{path} cannot be read ({first_line(error)}); write it again") from None


def _ending(name: str) -> str:
    lower = name.lower()
    return Path(lower.removesuffix(".gz") if not lower.endswith(".parquet.gz") else lower).suffix


def _chunks(rows: Iterator[Cells | Malformed]) -> Iterator[Chunk]:
    while chunk := list(islice(rows, CHUNK)):
        yield chunk


def _parquet(path: Path, choose: Choose) -> Iterator[Chunk]:
    pa = pyarrow()
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(path) as file:
            names = list(choose(file.schema_arrow.names))
            for batch in file.iter_batches(CHUNK, columns=names, use_threads=False):
                batch.validate(full=True)  # else offsets of an altered file lead out of its memory
                yield list(zip(*(batch.column(name).to_pylist() for name in names), strict=True))
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        raise DataError(f"{path} cannot be read as Parquet ({first_line(error)}); write it again") from None


def _delimited(path: Path, choose: Choose, encoding: str | None, separator: str) -> Iterator[Cells | Malformed]:
    with open_delimited(path, encoding, separator) as found:
        header = found.header
        if not header:
            raise DataError(f"{path} is empty; expected a line that names the columns")
        places = [header.index(name) for name in choose(header)]
        for _, row in found.rows:
            if len(row) != len(header):
                yield Malformed(f"the row has {len(row)} cells, the first line {len(header)}")
            else:
                yield tuple(row[place] for place in places)


def _lines(path: Path, choose: Choose, encoding: str | None) -> Iterator[Cells | Malformed]:
    first: list[str] | None = None
    names: Sequence[str] = ()
    with open_text(path, find_encoding(path, encoding)) as text:
        for line in text:
            if not line.strip():
                continue
            try:
                found = DECODER.decode(line)
            except (ValueError, RecursionError):
                found = None
            if not isinstance(found, dict):
                if first is None:
                    raise DataError(f"{path}: the first line should be a JSON object; write an object on each line")
                yield Malformed("the line is not a JSON object")
                continue
            if first is None:
                first = list(found)
                names = choose(first)
            yield _overlooked(found, first, names, choose) or tuple(found.get(name) for name in names)


def _overlooked(row: Mapping[str, object], first: list[str], names: Sequence[str], choose: Choose) -> Malformed | None:
    """Say so where a row has a column that would have been chosen, had the first row had it too."""
    late = [name for name, value in row.items() if value is not None and name not in first]
    if not late:
        return None
    try:
        missed = set(choose([*first, *late])) - set(names)
    except DataError as error:
        return Malformed(str(error))
    if not missed:
        return None
    name = min(missed)
    return Malformed(f"column {name!r} is not in the first line, which decides about columns; write it there, as null")
