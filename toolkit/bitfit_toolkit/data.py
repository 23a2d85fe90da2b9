"""Labelled examples from files (CSV, TSV, JSONL, Parquet), data sets, data frames and lists."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeAlias

from bitfit_runtime.errors import MissingExtraError, first_line
from bitfit_runtime.tasks.classification import CLASSIFICATION
from bitfit_toolkit.errors import DataError
from bitfit_toolkit.tasks import TRAINABLE_TASKS, Cells, Example

SUFFIXES = (".csv", ".tsv", ".jsonl", ".parquet")
# A file; examples, or a mapping for each row; a mapping from column to values; a `datasets.Dataset`, a pandas data
# frame or a pyarrow table, which are known by what they can do, so that none of these packages is needed.
Data: TypeAlias = str | Path | Sequence[Example] | Sequence[Mapping[str, Any]] | Mapping[str, Sequence[Any]] | Any


@dataclass(frozen=True, slots=True)
class Columns:
    """Names of columns; None looks for the usual names."""

    text: str | None = None
    text_pair: str | None = None
    label: str | None = None


def load_examples(
    data: Data,
    columns: Columns | None = None,
    need_label: bool = True,
    task_type: str = CLASSIFICATION.name,
) -> list[Example]:
    """Return examples with labels as `task_type` has them, from a file or from data in memory.

    `data` is a path, a list of `Example` (returned as they are) or of mappings, a mapping from column to values, a
    `datasets.Dataset`, a pandas data frame or a pyarrow table. Raises DataError: where, which row, what to do.
    """
    if isinstance(data, (list, tuple)) and all(isinstance(item, Example) for item in data):
        return list(data)
    where = str(data) if isinstance(data, (str, Path)) else "the data"
    table = _read_file(Path(data)) if isinstance(data, (str, Path)) else _as_table(data)
    if table.num_rows == 0:
        raise DataError(f"{where} holds no rows; expected at least one example")
    task = TRAINABLE_TASKS[task_type]
    names = _column_names(where, table.column_names, task.columns, columns or Columns(), need_label)
    values = {role: table.column(name).to_pylist() for role, name in names.items()}
    rows = _rows(where, values, table.num_rows)
    return [task.read(cells) if need_label else _unlabelled(cells) for cells in rows]


def _column_names(
    where: str, present: Sequence[str], usual: Mapping[str, tuple[str, ...]], columns: Columns, need_label: bool
) -> dict[str, str]:
    """Return the name of the column of each role that has one."""
    named = {field.name: getattr(columns, field.name) for field in fields(columns)}
    found: dict[str, str] = {}
    for role, names in usual.items():
        wanted = named.get(role)
        if wanted is not None and wanted not in present:
            raise DataError(f"{where} has no column {wanted!r} (found: {', '.join(present)}); check the name")
        name = wanted or next((name for name in names if name in present), None)
        if name is not None:
            found[role] = name
        elif role == "text" or (role == "label" and need_label):
            raise DataError(f"{where} has no {role} column (found: {', '.join(present)}); name it with {role}_column")
    return found


def _rows(where: str, values: Mapping[str, Sequence[object]], count: int) -> Iterator[Cells]:
    for row in range(count):
        yield Cells(f"{where}, example {row + 1}", **{role: column[row] for role, column in values.items()})


def _unlabelled(cells: Cells) -> Example:
    text = " ".join(map(str, cells.text)) if isinstance(cells.text, list) else cells.text
    return Cells(cells.where, text, cells.text_pair, task=cells.task).example(None)


def _as_table(data: Any) -> Any:
    """Return data in memory as a pyarrow table."""
    pa = _pyarrow()
    try:
        if isinstance(data, pa.Table):
            return data
        if hasattr(data, "with_format") and hasattr(data, "features"):
            return _named_classes(pa, data)
        if hasattr(data, "columns") and hasattr(data, "dtypes"):
            return pa.Table.from_pandas(data, preserve_index=False)  # which turns NaN into missing values
        if isinstance(data, Mapping):
            return pa.table({name: list(values) for name, values in data.items()})
        if isinstance(data, (list, tuple)) and all(isinstance(row, Mapping) for row in data):
            return pa.Table.from_pylist([dict(row) for row in data])
    except (pa.ArrowInvalid, pa.ArrowTypeError, TypeError, ValueError) as error:
        raise DataError(f"the data cannot be read as a table ({first_line(error)}); fix that column") from None
    raise DataError(
        f"expected a path, examples, rows as mappings, a Dataset or a data frame, found {type(data).__name__}; "
        "write rows as Example(text, text_pair, label) or {'text': …, 'label': …}"
    )


def _named_classes(pa: Any, dataset: Any) -> Any:
    """Return a `datasets.Dataset` as a table, numbers of classes as their names."""
    table = dataset.with_format("arrow")[:]
    for name, feature in dataset.features.items():
        inner = getattr(feature, "feature", feature)  # of a list of classes, such as tags
        if hasattr(inner, "names") and hasattr(inner, "int2str"):
            named = [_class_names(inner.names, value) for value in table.column(name).to_pylist()]
            table = table.set_column(table.column_names.index(name), name, pa.array(named))
    return table


def _class_names(names: Sequence[str], value: Any) -> Any:
    """Return the name of a class, or names of a list of them; None, and the -1 of a missing label, as None."""
    if isinstance(value, list):
        return [_class_names(names, item) for item in value]
    return None if value is None or value < 0 else names[value]


def _read_file(path: Path) -> Any:
    if path.suffix not in SUFFIXES:
        raise DataError(f"{path} should end in {', '.join(SUFFIXES)}; convert it to one of them")
    if not path.is_file():
        raise DataError(f"{path} not found; check the path")
    if path.stat().st_size == 0:
        raise DataError(f"{path} is empty; expected labelled texts")
    pa = _pyarrow()
    from pyarrow import csv, json, parquet

    try:
        if path.suffix == ".parquet":
            return parquet.read_table(path)
        if path.suffix == ".jsonl":
            return json.read_json(path, parse_options=json.ParseOptions(newlines_in_values=False))
        tabs = path.suffix == ".tsv"  # as GLUE has them: a quote is a character like any other
        names = {name: pa.string() for name in _header(path, tabs)}
        convert = csv.ConvertOptions(column_types=names, strings_can_be_null=False)
        parse = (
            csv.ParseOptions(delimiter="\t", quote_char=False) if tabs else csv.ParseOptions(newlines_in_values=True)
        )
        return csv.read_csv(path, parse_options=parse, convert_options=convert)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, UnicodeDecodeError, OSError) as error:
        raise DataError(f"{path} cannot be read ({first_line(error)}); fix that row and try again") from None


def _pyarrow() -> Any:
    try:
        import pyarrow as pa
    except ModuleNotFoundError as error:
        raise MissingExtraError.from_import("reading data", error, "cli") from None
    return pa


def _header(path: Path, tabs: bool) -> list[str]:
    import csv

    with path.open(encoding="utf-8-sig", newline="") as stream:
        return next(csv.reader(stream, csv.excel_tab if tabs else csv.excel), [])
