"""Labelled texts, read from CSV, TSV, JSONL or Parquet."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bitfit_runtime.contract import CLASSIFICATION, SPAN, TOKENS
from bitfit_toolkit.errors import DataError, MissingExtraError
from bitfit_toolkit.labels import READERS, Label, Reader

ALIASES = {
    "text": ("text", "sentence", "sentence1", "question", "question1", "utterance", "tokens", "words"),
    "text_pair": ("text_pair", "sentence2", "question2", "context"),
    "label": ("label", "labels", "category", "intent", "class", "score"),
    "task": ("task",),
}
SPECIAL_ALIASES = {
    TOKENS: {"text": ("tokens", "words", "text"), "label": ("tags", "ner_tags", "labels", "label")},
    SPAN: {
        "text": ("question", "text"),
        "text_pair": ("context", "text_pair"),
        "label": ("answers", "answer", "label"),
    },
}
SUFFIXES = (".csv", ".tsv", ".jsonl", ".parquet")


@dataclass(frozen=True, slots=True)
class Example:
    """One text, or one pair of texts, with its label; `task` where a file names a task a row.

    `label` is a string (classification), a tuple of strings (multi-label), a number (regression, embedding) or a tuple
    of marks (token classification: the entities; span: the accepted answers).
    """

    text: str
    text_pair: str | None = None
    label: Label | None = None
    task: str | None = None


@dataclass(frozen=True, slots=True)
class Columns:
    """Names of columns; None looks for the usual names."""

    text: str | None = None
    text_pair: str | None = None
    label: str | None = None


def load_examples(
    path: str | Path,
    columns: Columns | None = None,
    need_label: bool = True,
    task_type: str = CLASSIFICATION,
) -> list[Example]:
    """Read the examples of a file, with labels as `task_type` has them. Raises DataError: file, row, what to do."""
    columns = columns or Columns()
    path = Path(path)
    table = _read(path)
    if table.num_rows == 0:
        raise DataError(f"{path} holds no rows; expected at least one example")
    aliases = ALIASES | SPECIAL_ALIASES.get(task_type, {})
    names = {
        role: _column(path, table.column_names, usual, getattr(columns, role, None)) for role, usual in aliases.items()
    }
    for role in ("text", "label") if need_label else ("text",):
        if names[role] is None:
            raise DataError(
                f"{path} has no {role} column (found: {', '.join(table.column_names)}); name it with --{role}-column"
            )
    values = {role: table.column(name).to_pylist() for role, name in names.items() if name is not None}
    read = READERS[task_type] if need_label else None
    return [_example(f"{path}, example {row + 1}", row, values, read) for row in range(table.num_rows)]


def _read(path: Path) -> Any:
    if path.suffix not in SUFFIXES:
        raise DataError(f"{path} should end in {', '.join(SUFFIXES)}; convert it to one of them")
    if not path.is_file():
        raise DataError(f"there is no file {path}; check the path")
    if path.stat().st_size == 0:
        raise DataError(f"{path} is empty; expected labelled texts")
    try:
        import pyarrow as pa
        from pyarrow import csv, json, parquet
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"reading data needs {error.name}; run: pip install 'bitfit-edge[cli]'") from None
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
        raise DataError(f"{path} cannot be read ({str(error).splitlines()[0]}); mend that row and try again") from None


def _header(path: Path, tabs: bool) -> list[str]:
    import csv

    with path.open(encoding="utf-8-sig", newline="") as stream:
        return next(csv.reader(stream, csv.excel_tab if tabs else csv.excel), [])


def _column(path: Path, present: Sequence[str], usual: Sequence[str], wanted: str | None) -> str | None:
    if wanted is not None:
        if wanted not in present:
            raise DataError(f"{path} has no column {wanted!r} (found: {', '.join(present)}); check the name")
        return wanted
    return next((name for name in usual if name in present), None)


def _example(where: str, row: int, values: dict[str, list[Any]], read: Reader | None) -> Example:
    cells = {role: column[row] for role, column in values.items()}
    if read is not None:
        cells |= read(where, cells)
    elif isinstance(cells["text"], list):
        cells["text"] = " ".join(map(str, cells["text"]))
    for role in ("text", "text_pair"):
        if role in cells and not isinstance(cells[role], str):
            found = type(cells[role]).__name__
            raise DataError(f"{where}: {role} should be a string, found {found}; mend that row")
    task = cells.get("task")
    label = None if read is None else cells["label"]
    return Example(cells["text"], cells.get("text_pair"), label, None if task is None else str(task))
