"""JSON files: an object on each line, an array of objects, an object of columns, or SQuAD's own document."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bitfit_toolkit.data.table import Column, Rows, Table
from bitfit_toolkit.data.text_encoding import find_encoding, open_text
from bitfit_toolkit.errors import DataError

WORDS = ("tokens", "words")


class _RepeatedKeyError(ValueError):
    """An object has a key twice."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise _RepeatedKeyError(f"{next(name for name in names if names.count(name) > 1)!r} occurs twice")
    return found


DECODER = json.JSONDecoder(object_pairs_hook=_object)


def read_json(path: Path, text_encoding: str | None = None) -> Table:
    """Read a file of JSON, whichever of the four forms it has."""
    encoding = find_encoding(path, text_encoding)
    with open_text(path, encoding) as stream:
        first = next((line.strip() for line in stream if line.strip()), "")
    if first and _is_whole(path, first):
        with open_text(path, encoding) as stream:
            text = stream.read()
        try:
            value = _parse(text)
        except (ValueError, RecursionError) as error:
            if first.startswith("[") or isinstance(error, _RepeatedKeyError):
                line = getattr(error, "lineno", 1)
                raise DataError(f"{path}, line {line} is not JSON ({_said(error)}); fix that line") from None
        else:
            return _document(str(path), value, {"format": "JSON", "encoding": encoding})
    return _lines(path, encoding)


def _is_whole(path: Path, first: str) -> bool:
    """Whether the file is one document: its first line is an array, or no complete object."""
    try:
        value = _parse(first)
    except (ValueError, RecursionError):
        return first.startswith("[") or not first.endswith("},")
    return not isinstance(value, dict) or (".json" in _endings(path) and _is_columns(value))


def _endings(path: Path) -> list[str]:
    return [suffix.lower() for suffix in path.suffixes]


def _lines(path: Path, encoding: str) -> Table:
    rows = Rows()
    with open_text(path, encoding) as stream:
        for number, line in enumerate(stream, 1):
            if not line.strip():
                continue
            try:
                row = _parse(line)
            except (ValueError, RecursionError) as error:
                what = "the comma after it" if line.strip().endswith("},") else "that line"
                raise DataError(f"{path}, line {number} is not one JSON object ({_said(error)}); fix {what}") from None
            if not isinstance(row, dict):
                raise DataError(f"{path}, line {number} should be a JSON object, found {type(row).__name__}")
            rows.add(row, number)
    return rows.table(str(path), {"format": "JSON lines", "encoding": encoding}, lines=True)


def _document(where: str, value: Any, facts: Mapping[str, str]) -> Table:
    if isinstance(value, dict) and isinstance(value.get("data"), list):
        value = list(_articles(where, value["data"]))
    if isinstance(value, list):
        rows = Rows()
        for number, row in enumerate(value, 1):
            if not isinstance(row, dict):
                raise DataError(f"{where}, example {number} should be a JSON object, found {type(row).__name__}")
            rows.add(row)
        return rows.table(where, facts)
    if not isinstance(value, dict):
        raise DataError(f"{where} should hold objects, or an object of columns, found {type(value).__name__}")
    if not _is_columns(value):
        rows = Rows()
        rows.add(value)
        return rows.table(where, facts)
    columns = (Column(name, list(v.values()) if isinstance(v, dict) else v) for name, v in value.items())
    if len({tuple(v) for v in value.values() if isinstance(v, dict)}) > 1:
        raise DataError(f"{where}: columns should have the same rows; write an array of objects")
    return Table(where, tuple(columns), None, facts)


def _is_columns(value: Mapping[str, Any]) -> bool:
    """Whether an object holds columns, as pandas writes them, rather than one row: one of words is a row."""
    if not value:
        return False
    if any(isinstance(value.get(name), list) and all(isinstance(w, str) for w in value[name]) for name in WORDS):
        return False
    if isinstance(value.get("data"), list):
        return True
    kinds = {type(values) for values in value.values()}
    return kinds in ({list}, {dict})


def _articles(where: str, rows: list[Any]) -> Iterator[Any]:
    """Yield rows; an article of SQuAD's own document becomes a row for each of its questions."""
    for row in rows:
        if not (isinstance(row, dict) and isinstance(row.get("paragraphs"), list)):
            yield row
            continue
        try:
            for paragraph in row["paragraphs"]:
                for one in paragraph["qas"]:
                    yield {"question": one["question"], "context": paragraph["context"], "answers": one.get("answers")}
        except (TypeError, KeyError, AttributeError):
            raise DataError(f"{where}: an article should hold paragraphs with a context and qas; fix it") from None


def _parse(text: str) -> Any:
    return DECODER.decode(text)


def _said(error: BaseException) -> str:
    return getattr(error, "msg", None) or ("too deep" if isinstance(error, RecursionError) else str(error))
