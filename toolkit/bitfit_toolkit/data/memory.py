"""Tables in memory: rows and columns of Python, pandas, polars, pyarrow and `datasets`, known by what they can do."""

from collections.abc import Mapping
from typing import Any

from bitfit_runtime.errors import first_line
from bitfit_toolkit.data.arrow_files import from_arrow, name_classes, pyarrow
from bitfit_toolkit.data.table import Column, Rows, Table
from bitfit_toolkit.errors import DataError

WHERE = "the data"


def as_table(data: Any) -> Table:
    """Return data in memory as a table. Raises DataError."""
    try:
        table = _as_table(data)  # calls methods of other packages' objects, which raise what they like
    except (TypeError, ValueError, AttributeError, KeyError, NotImplementedError) as error:
        raise DataError(f"{WHERE} cannot be read as a table ({first_line(error)}); fix that column") from None
    if table is None:
        raise DataError(
            f"expected a path, examples, rows as mappings, a Dataset or a data frame, found {type(data).__name__}; "
            "write rows as Example(text, text_pair, label) or {'text': …, 'label': …}"
        )
    return table


def _as_table(data: Any) -> Table | None:
    if hasattr(data, "with_format") and hasattr(data, "features") and hasattr(data, "__len__"):
        return _dataset(data)
    if hasattr(data, "columns") and hasattr(data, "iloc"):
        names = [str(name) for name in data.columns]
        return Table(WHERE, tuple(Column(name, data.iloc[:, i].tolist()) for i, name in enumerate(names)))
    if hasattr(data, "to_arrow"):
        return from_arrow(WHERE, data.to_arrow())
    if hasattr(data, "column_names") and hasattr(data, "to_pylist"):
        return from_arrow(WHERE, data)
    if isinstance(data, Mapping):
        return Table(WHERE, tuple(_column(str(name), values) for name, values in data.items()))
    if isinstance(data, (list, tuple)) and all(isinstance(row, Mapping) for row in data):
        rows = Rows()
        for row in data:
            rows.add(row)
        return rows.table(WHERE)
    return None


def _column(name: str, values: Any) -> Column:
    if hasattr(values, "features"):
        raise DataError(f"{WHERE} holds several splits; choose one, such as data[{name!r}]")
    if isinstance(values, (str, bytes, Mapping)):
        raise DataError(f"{WHERE}: column {name!r} should be a list, found {type(values).__name__}; write [value]")
    return Column(name, values.tolist() if hasattr(values, "tolist") else list(values))


def _dataset(dataset: Any) -> Table:
    """Return a `datasets.Dataset`, numbers of classes as their names."""
    pa = pyarrow()
    try:
        table = from_arrow(WHERE, dataset.with_format("arrow")[:].replace_schema_metadata(None))
    except pa.ArrowException as error:
        raise DataError(f"{WHERE} cannot be read as a table ({first_line(error)}); fix that column") from None
    columns = []
    for column in table.columns:
        feature = dataset.features[column.name]
        inner = getattr(feature, "feature", feature)  # of a list of classes, such as tags
        names = getattr(inner, "names", None) if hasattr(inner, "int2str") else None
        named = [name_classes(WHERE, column.name, names, value) for value in column.values] if names else column.values
        columns.append(Column(column.name, named))
    return Table(WHERE, tuple(columns))
