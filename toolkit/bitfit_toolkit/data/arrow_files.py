"""Parquet files and data sets that `datasets` saved to disk, with the names of classes that their metadata hold."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bitfit_runtime.errors import MissingExtraError, first_line
from bitfit_toolkit.data.table import Column, Table
from bitfit_toolkit.errors import DataError

STATE, SPLITS = "state.json", "dataset_dict.json"


def read_parquet(path: Path) -> Table:
    """Read a Parquet file. Raises DataError."""
    pa = pyarrow()
    from pyarrow import parquet

    try:
        table = parquet.ParquetFile(path).read()
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read as Parquet ({first_line(error)}); write it again") from None
    return from_arrow(str(path), table, {"format": "Parquet"})


def is_saved_dataset(path: Path) -> bool:
    """Whether a folder holds what `save_to_disk` of `datasets` writes."""
    return (path / STATE).is_file() or (path / SPLITS).is_file()


def read_saved_dataset(path: Path) -> Table:
    """Read a folder that `datasets` saved. Raises DataError."""
    pa = pyarrow()
    try:
        if (path / SPLITS).is_file():
            splits = json.loads((path / SPLITS).read_text(encoding="utf-8"))["splits"]
            raise DataError(
                f"{path} holds the splits {', '.join(map(str, splits))}; name one, such as {path}/{splits[0]}"
            )
        state = json.loads((path / STATE).read_text(encoding="utf-8"))
        files = [path / Path(str(entry["filename"])).name for entry in state["_data_files"]]
        table = pa.concat_tables([pa.ipc.open_stream(pa.memory_map(str(file))).read_all() for file in files])
    except (pa.ArrowException, OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        raise DataError(f"{path} cannot be read as a saved data set ({first_line(error)}); save it again") from None
    return from_arrow(str(path), table, {"format": "data set on disk"})


def from_arrow(where: str, table: Any, facts: dict[str, str] | None = None) -> Table:
    """Return an Arrow table as ours. Raises DataError on values that Python cannot hold."""
    try:
        table.validate(full=True)  # else offsets of an altered file lead out of its memory
    except pyarrow().ArrowException as error:
        raise DataError(f"{where} cannot be read ({first_line(error)}); write it again") from None
    classes = _class_names(table.schema.metadata or {})
    columns = []
    for index, name in enumerate(table.column_names):
        try:
            values = table.column(index).to_pylist()
        except (ValueError, OverflowError, ArithmeticError, pyarrow().ArrowException) as error:
            raise DataError(f"{where}: column {name!r} cannot be read ({first_line(error)}); convert it") from None
        columns.append(Column(name, _named(where, name, classes[name], values) if name in classes else values))
    return Table(where, tuple(columns), None, facts or {})


def pyarrow() -> Any:
    """Return pyarrow. Raises MissingExtraError."""
    try:
        import pyarrow as pa
    except ModuleNotFoundError as error:
        raise MissingExtraError.from_import("reading such data", error, "cli") from None
    return pa


def name_classes(where: str, column: str, names: Sequence[str], value: Any) -> Any:
    """Return the name of a class, or names of a list of them; None, and the -1 of a missing label, as None."""
    if isinstance(value, list):
        return [name_classes(where, column, names, item) for item in value]
    if value is None or not isinstance(value, int):
        return value
    if value >= len(names):
        raise DataError(f"{where}: class {value} of column {column!r} has no name among {len(names)}; fix the metadata")
    return None if value < 0 else names[value]


def _named(where: str, column: str, names: Sequence[str], values: list[Any]) -> list[Any]:
    return [name_classes(where, column, names, value) for value in values]


def _class_names(metadata: Any) -> dict[str, list[str]]:
    """Return the names of classes by column, from the metadata that `datasets` writes."""
    try:
        features = json.loads(metadata.get(b"huggingface", b"{}"))["info"]["features"]
        found = {str(name): _names_in(feature) for name, feature in features.items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}
    return {name: names for name, names in found.items() if names}


def _names_in(feature: Any) -> list[str]:
    """Return the names of a feature of classes, or of a list of them."""
    while isinstance(feature, (list, dict)):
        if isinstance(feature, dict) and feature.get("_type") == "ClassLabel":
            names = feature.get("names")
            return [str(name) for name in names] if isinstance(names, list) else []
        feature = (
            feature[0]
            if isinstance(feature, list) and feature
            else feature.get("feature")
            if isinstance(feature, dict)
            else None
        )
    return []
