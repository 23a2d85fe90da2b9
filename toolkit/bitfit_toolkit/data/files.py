"""Files and folders of examples, by how their names end."""

from collections.abc import Callable, Mapping
from pathlib import Path

from bitfit_runtime.errors import first_line
from bitfit_toolkit.data.arrow_files import is_saved_dataset, read_parquet, read_saved_dataset
from bitfit_toolkit.data.conll import read_conll
from bitfit_toolkit.data.delimited import read_csv, read_tsv
from bitfit_toolkit.data.json_files import read_json
from bitfit_toolkit.data.table import Table
from bitfit_toolkit.data.text_encoding import UNREADABLE
from bitfit_toolkit.errors import DataError

PLAIN, PARQUET, COMPRESSED = ".txt", ".parquet", ".gz"
TEXT_READERS: Mapping[str, Callable[[Path, str | None], Table]] = {
    ".csv": read_csv,
    ".tsv": read_tsv,
    ".jsonl": read_json,
    ".ndjson": read_json,
    ".json": read_json,
    ".conll": read_conll,
    PLAIN: read_conll,
}
ENDINGS = (".csv", ".tsv", ".jsonl", ".json", PARQUET, ".conll", f".csv{COMPRESSED}")


def read_file(path: Path, text_encoding: str | None = None, tagged: bool = False) -> Table:
    """Read a file, or the folder of a saved data set; `.txt` where words are `tagged`. Raises DataError."""
    try:
        return _read(path, text_encoding, tagged)
    except UNREADABLE as error:
        raise DataError(f"{path} cannot be read ({first_line(error)}); check the file") from None


def is_data(path: Path) -> bool:
    """Whether a path is one that `read_file` would take for examples."""
    return is_saved_dataset(path) if path.is_dir() else ending(path) in (*TEXT_READERS, PARQUET)


def ending(path: Path) -> str:
    """Return how a file's name ends, without capitals and `.gz`."""
    name = path.name.lower().removesuffix(COMPRESSED)
    return Path(name).suffix


def _read(path: Path, text_encoding: str | None, tagged: bool) -> Table:
    if path.is_dir():
        if is_saved_dataset(path):
            return read_saved_dataset(path)
        raise DataError(f"{path} is a folder, and not one that datasets saved to disk; name a file")
    found = ending(path)
    if found not in (*TEXT_READERS, PARQUET) or (found == PLAIN and not tagged):
        raise DataError(f"{path} should end in {', '.join(ENDINGS)}; convert it to one of them")
    if not path.is_file():
        raise DataError(f"{path} not found; check the path")
    if path.stat().st_size == 0:
        raise DataError(f"{path} is empty; expected labelled texts")
    if found == PARQUET:
        return read_parquet(path)
    return TEXT_READERS[found](path, text_encoding)
