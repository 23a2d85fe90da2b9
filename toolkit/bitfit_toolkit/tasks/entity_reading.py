"""Rows of entities: words with a tag each, or a text with spans of characters."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, NamedTuple

from bitfit_toolkit.errors import DataError
from bitfit_toolkit.tasks.base import Cells, Example, Mark, tidy
from bitfit_toolkit.tasks.entity_schemes import PREFIXED, Scheme, find_scheme, read_tags
from bitfit_toolkit.tasks.list_cells import parse_list

STARTS = ("start", "start_offset", "begin", "offset_start")
ENDS = ("end", "end_offset", "stop", "offset_end")
NAMES = ("label", "labels", "type", "entity", "entity_group", "tag", "name")


class Tagged(NamedTuple):
    """A row of words, and a tag for each."""

    cells: Cells
    words: list[str]
    tags: list[str]


def read_entities(rows: Sequence[Cells]) -> tuple[list[Example], list[str]]:
    """Return the rows as examples, and a note on the scheme of their tags where it is none of BIO's."""
    parsed = [_parse(cells) for cells in rows]
    tags = {tag for row in parsed if isinstance(row, Tagged) for tag in row.tags}
    scheme = find_scheme(tags)
    examples = [
        replace(row.cells, text=" ".join(row.words)).example(read_tags(row.cells.where, row.words, row.tags, scheme))
        if isinstance(row, Tagged)
        else row
        for row in parsed
    ]
    return examples, _notes(scheme, tags)


def _notes(scheme: Scheme, tags: set[str]) -> list[str]:
    if scheme is Scheme.BARE:
        return ["tags are bare names: neighbouring words of one name were read as one entity"]
    if scheme is Scheme.SUFFIX:
        return ["tags were read as NAME-B and NAME-I"]
    letters = {found[1].upper() for tag in tags if (found := PREFIXED.fullmatch(tag))}
    others = sorted(letters - {"B", "I"})
    return (
        [f"tags that begin with {', '.join(others)} were read as those of BIO with single words and ends"]
        if others
        else []
    )


def _parse(cells: Cells) -> Tagged | Example:
    text: Any = cells.text
    label: Any = cells.label
    if isinstance(label, str) and (listed := parse_list(label)) is not None:
        label = listed
        text = parse_list(text) or text if isinstance(text, str) else text
    if isinstance(label, dict) and isinstance(label.get("entities"), list):
        label = label["entities"]  # as spaCy has them
    if _are_spans(text, label):
        return _with_spans(cells, text, label)
    words, tags = (value.split() if isinstance(value, str) else value for value in (text, label))
    if not isinstance(words, list) or not isinstance(tags, list) or len(words) != len(tags):
        found = f"{len(words)} and {len(tags)}" if isinstance(words, list) and isinstance(tags, list) else "none"
        raise DataError(f"{cells.where}: expected as many tags as words, found {found}; fix that row")
    for tag in tags:
        if not isinstance(tag, str):
            numbers = isinstance(tag, int) and not isinstance(tag, bool)
            what = "a number without a name; write names, or give the Dataset or Parquet file that has them"
            raise DataError(f"{cells.where}: a tag should be a string, found {tag!r}{', ' + what if numbers else ''}")
    for word in words:
        if not isinstance(word, str):
            raise DataError(f"{cells.where}: a word should be a string, found {word!r}; fix that row")
    return Tagged(cells, [word.strip() for word in words], [tidy(tag) for tag in tags])


def _are_spans(text: object, label: object) -> bool:
    if not isinstance(label, list):
        return False
    if not label:
        return isinstance(text, str) and bool(text.strip())
    return all(isinstance(item, (dict, list, tuple)) for item in label)


def _with_spans(cells: Cells, text: object, spans: Sequence[Any]) -> Example:
    if not isinstance(text, str):
        raise DataError(
            f"{cells.where}: spans of characters belong to a text, found {type(text).__name__}; name its column with "
            "text_column"
        )
    marks = sorted((_mark(cells.where, text, span) for span in spans), key=lambda mark: (mark.start, mark.end))
    for one, other in pairwise(marks):
        if other.start < one.end:
            raise DataError(
                f"{cells.where}: entities {text[one.start : one.end]!r} and {text[other.start : other.end]!r} overlap, "
                "which a tag for each word cannot say; leave one out"
            )
    return replace(cells, text=text).example(tuple(marks))


def _mark(where: str, text: str, span: Any) -> Mark:
    """Return a span as a mark without white space around it. Raises DataError."""
    values: list[Any]
    if isinstance(span, dict):
        values = [next((span[key] for key in keys if key in span), None) for keys in (STARTS, ENDS, NAMES)]
    else:
        values = [*span, None, None, None][:3]
    start, end, name = values
    if isinstance(name, list) and len(name) == 1:
        name = name[0]
    whole = all(isinstance(value, int) and not isinstance(value, bool) for value in (start, end))
    if not whole or not isinstance(name, str) or not tidy(name):
        raise DataError(f"{where}: an entity should have start, end and label, found {span!r}; fix that row")
    if not 0 <= start < end <= len(text):
        raise DataError(f"{where}: an entity from {start} to {end} is not in a text of {len(text)} characters")
    said = span.get("text") if isinstance(span, dict) else None
    if isinstance(said, str) and said.strip() != text[start:end].strip():
        raise DataError(
            f"{where}: at {start} to {end} is {text[start:end]!r}, not the entity {said!r}; fix its offsets"
        )
    inside = text[start:end]
    start, end = start + len(inside) - len(inside.lstrip()), end - len(inside) + len(inside.rstrip())
    if start >= end:
        raise DataError(f"{where}: the entity {name!r} holds white space alone; fix that row")
    return Mark(tidy(name), start, end)
