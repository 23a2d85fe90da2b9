"""A table as it was read, before its columns have roles."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bitfit_toolkit.errors import DataError


@dataclass(frozen=True, slots=True)
class Column:
    """A name, and a value for each row."""

    name: str
    values: Sequence[Any]


@dataclass(frozen=True, slots=True)
class Table:
    """Columns of equal length. `where` names the table in errors, `lines` the line on which each row begins.

    `facts` say how a file was read: its format, text encoding and separator.
    """

    where: str
    columns: tuple[Column, ...]
    lines: Sequence[int] | None = None
    facts: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        lengths = {len(column.values) for column in self.columns}
        if len(lengths) > 1:
            found = ", ".join(f"{column.name} {len(column.values)}" for column in self.columns)
            raise DataError(f"{self.where}: columns should have equally many rows, found {found}; fix that column")

    def __len__(self) -> int:
        return len(self.columns[0].values) if self.columns else 0

    @property
    def names(self) -> list[str]:
        """The names of the columns; one may occur twice."""
        return [column.name for column in self.columns]

    def place(self, row: int) -> str:
        """Return where a row stands, for errors."""
        return f"{self.where}, example {row + 1}" if self.lines is None else f"{self.where}, line {self.lines[row]}"

    def values(self, name: str) -> Iterator[object]:
        """Yield the cells of a column, what is missing as None."""
        found = [column for column in self.columns if column.name == name]
        if len(found) > 1:
            raise DataError(f"{self.where} has {len(found)} columns named {name!r}; rename all but one")
        return map(plain, found[0].values)


class Rows:
    """Gathers rows, which need not have the same columns, into a table."""

    def __init__(self) -> None:
        self._columns: dict[str, list[object]] = {}
        self._lines: list[int] = []

    def add(self, row: Mapping[Any, object], line: int = 0) -> None:
        """Add a row; a column that it does not have is missing."""
        count = len(self._lines)
        for name, value in row.items():
            values = self._columns.setdefault(str(name), [])
            values.extend([None] * (count - len(values)))
            values.append(value)
        self._lines.append(line)

    def table(self, where: str, facts: Mapping[str, str] | None = None, lines: bool = False) -> Table:
        """Return the table."""
        for values in self._columns.values():
            values.extend([None] * (len(self._lines) - len(values)))
        columns = tuple(Column(name, values) for name, values in self._columns.items())
        return Table(where, columns, self._lines if lines else None, facts or {})


def plain(value: Any) -> object:
    """Return a cell as Python has it: None where it is missing, lists for arrays and tuples."""
    if isinstance(value, str) or value is None:
        return value
    if hasattr(value, "tolist"):  # numpy's arrays and scalars
        value = value.tolist()
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, float) and value != value:
        return None
    return None if type(value).__name__ in ("NAType", "NaTType") else value  # pandas' own
