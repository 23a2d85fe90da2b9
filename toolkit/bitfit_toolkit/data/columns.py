"""Columns of a table: which one has which role."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bitfit_toolkit.data.table import Table, plain
from bitfit_toolkit.errors import DataError

SAID = {"0": False, "1": True, "0.0": False, "1.0": True, "false": False, "true": True}
UNSURE = (-1, "-1", "-1.0", "", None)


@dataclass(frozen=True, slots=True)
class Columns:
    """Names of columns, and the text encoding of the file; None looks for the usual names, and for UTF-8 or a mark.

    `label` may name several columns of 0 and 1, joined by commas: their names are then the labels. `sentence` names the
    column that numbers sentences, in tables of entities that hold a word a row.
    """

    text: str | None = None
    text_pair: str | None = None
    label: str | None = None
    text_encoding: str | None = None
    sentence: str | None = None


@dataclass(frozen=True, slots=True)
class Roles:
    """The column of each role that has one, or columns of 0 and 1 in place of a label."""

    names: Mapping[str, str]
    indicators: tuple[str, ...] = ()


def find_roles(table: Table, usual: Mapping[str, tuple[str, ...]], columns: Columns, need_label: bool) -> Roles:
    """Return which column has which role. Raises DataError where a needed one is not found, or found twice."""
    wanted = {"text": columns.text, "text_pair": columns.text_pair, "label": columns.label}
    for role, given in wanted.items():
        if not isinstance(given, (str, type(None))):
            raise DataError(f"{role}_column should be the name of a column, found {given!r}")
    parts = _parts(table, columns.label)
    taken = {*wanted.values(), *parts}
    found: dict[str, str] = {}
    for role, names in usual.items():
        if role == "label" and (parts or not need_label):
            continue
        name = wanted.get(role)
        if name is None:
            matches = filter(None, (_match(table, usual_name) for usual_name in names))
            name = next((match for match in matches if match not in (*taken, *found.values())), None)
            if name is None:
                continue
        elif name not in table.names:
            raise DataError(f"{table.where} has no column {name!r} (found: {_listed(table)}); check the name")
        found[role] = name
    if "text" not in found:
        hint = "" if table.facts.get("format") not in ("CSV", "TSV") else "; the first line should name the columns"
        raise DataError(f"{table.where} has no text column (found: {_listed(table)}); name it with text_column{hint}")
    if need_label and "label" not in found:
        return Roles(found, parts or _indicators(table, found))
    return Roles(found)


def _parts(table: Table, label: str | None) -> tuple[str, ...]:
    """Return the columns that `label` names with commas between them; none where it names one."""
    if label is None or label in table.names:
        return ()
    parts = tuple(part.strip() for part in label.split(","))
    return parts if len(parts) > 1 and set(parts) <= set(table.names) else ()


def indicator(value: object) -> bool | None:
    """Return whether a cell says yes (1, true) or no (0, false); None where it says neither."""
    if isinstance(value, str):
        return SAID.get(value.strip().lower())
    return bool(value) if isinstance(value, (bool, int, float)) and value in (0, 1) else None


def _match(table: Table, name: str) -> str | None:
    """Return the column of that name, or the only one that differs from it in capitals and outer white space alone."""
    if name in table.names:
        return name
    alike = {present for present in table.names if present.strip().lower() == name}
    if len(alike) > 1:
        raise DataError(f"{table.where} has columns {' and '.join(sorted(map(repr, alike)))}; rename all but one")
    return alike.pop() if alike else None


def _indicators(table: Table, found: Mapping[str, str]) -> tuple[str, ...]:
    """Return the columns of 0 and 1, which stand for a label column. Raises DataError where there are none."""
    others = [column for column in table.columns if column.name not in found.values() and column.name.strip()]
    chosen: list[str] = []
    for column in others:
        cells = [plain(value) for value in column.values]
        values = [indicator(cell) for cell in cells]
        if None not in values:
            chosen.append(column.name)
        elif any(value is not None for value in values) and _unsure(cells, values):
            raise DataError(
                f"{table.where}: column {column.name!r} holds 0, 1 and cells that are neither; fill them in"
            )
    if len(chosen) < 2 or len(set(chosen)) < len(chosen):
        raise DataError(f"{table.where} has no label column (found: {_listed(table)}); name it with label_column")
    return tuple(chosen)


def _unsure(cells: Sequence[object], values: Sequence[bool | None]) -> bool:
    return all(value is not None or cell in UNSURE for cell, value in zip(cells, values, strict=True))


def _listed(table: Table) -> str:
    return ", ".join(table.names) or "none"
