"""What a file's cells mean as labels, by task type."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from bitfit_runtime.answers import BEGIN, INSIDE, OUTSIDE
from bitfit_runtime.contract import CLASSIFICATION, EMBEDDING, MULTI_LABEL, REGRESSION, SPAN, TOKENS
from bitfit_toolkit.errors import DataError

SEPARATOR = "|"


@dataclass(frozen=True, slots=True)
class Mark:
    """Characters `start` to `end` (exclusive) of a text, and what they are."""

    label: str
    start: int
    end: int


Label: TypeAlias = str | float | tuple[str, ...] | tuple[Mark, ...]
# Takes where the row stands and its cells by role; returns the cells that it changes, `label` at least.
Reader: TypeAlias = Callable[[str, Mapping[str, Any]], dict[str, Any]]


def _one_label(where: str, cells: Mapping[str, Any]) -> dict[str, Any]:
    label = cells["label"]
    if label is None or isinstance(label, (list, dict)) or str(label).strip() == "":
        raise DataError(f"{where}: the label is missing; give every example one")
    return {"label": str(label)}


def _labels(where: str, cells: Mapping[str, Any]) -> dict[str, Any]:
    """Read a list of strings, or in CSV one string with `|` between the labels; none is a label set too."""
    label = cells["label"]
    parts = label.split(SEPARATOR) if isinstance(label, str) else label
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        raise DataError(f"{where}: labels should be a list, or strings joined by {SEPARATOR!r}, found {label!r}")
    return {"label": tuple(dict.fromkeys(part.strip() for part in parts if part.strip()))}


def _number(where: str, cells: Mapping[str, Any]) -> dict[str, Any]:
    try:
        value = float(cells["label"])
    except (TypeError, ValueError):
        value = math.nan
    if not math.isfinite(value):
        raise DataError(f"{where}: the label should be a number, found {cells['label']!r}; mend that row")
    return {"label": value}


def _entities(where: str, cells: Mapping[str, Any]) -> dict[str, Any]:
    """Join words by spaces, and turn their BIO tags into marks of the joined text."""
    words, tags = ((v.split() if isinstance(v, str) else v) for v in (cells["text"], cells["label"]))
    if not isinstance(words, list) or not isinstance(tags, list) or len(words) != len(tags):
        found = f"{len(words)} and {len(tags)}" if isinstance(words, list) and isinstance(tags, list) else "none"
        raise DataError(f"{where}: expected as many tags as words, found {found}; mend that row")
    marks: list[Mark] = []
    end, previous = -1, OUTSIDE
    for word, tag in zip(words, tags, strict=True):
        if not isinstance(word, str) or not isinstance(tag, str) or not (tag == OUTSIDE or tag[:2] in (BEGIN, INSIDE)):
            raise DataError(f"{where}: a tag should be {OUTSIDE}, {BEGIN}NAME or {INSIDE}NAME, found {tag!r}")
        start, end = end + 1, end + 1 + len(word)
        if tag.startswith(INSIDE) and tag[2:] == previous:
            marks[-1] = Mark(previous, marks[-1].start, end)
        elif tag != OUTSIDE:
            marks.append(Mark(tag[2:], start, end))
        previous = tag[2:] if tag != OUTSIDE else OUTSIDE
    return {"text": " ".join(words), "label": tuple(marks)}


def _answers(where: str, cells: Mapping[str, Any]) -> dict[str, Any]:
    """Read SQuAD's `{"text": [...], "answer_start": [...]}`, or a text whose first occurrence is meant."""
    answers, context = cells["label"], cells.get("text_pair")
    if not isinstance(context, str):
        raise DataError(f"{where}: a span task needs the context to search; name it with --text-pair-column")
    if isinstance(answers, str):
        answers = {"text": [answers], "answer_start": [context.find(answers)]}
    try:
        pairs = list(zip(answers["text"], answers["answer_start"], strict=True))
        marks = tuple(Mark("answer", int(start), int(start) + len(text)) for text, start in pairs)
    except (TypeError, KeyError, ValueError):
        raise DataError(f"{where}: answers should hold 'text' and 'answer_start', found {answers!r}") from None
    if not marks:
        raise DataError(f"{where}: no answer is given; unanswerable questions are not supported, leave the row out")
    for (text, _), mark in zip(pairs, marks, strict=True):
        if mark.start < 0 or not text or context[mark.start : mark.end] != text:
            raise DataError(f"{where}: the answer {text!r} is not in the context at {mark.start}; mend that row")
    return {"label": marks}


READERS: Mapping[str, Reader] = {
    CLASSIFICATION: _one_label,
    MULTI_LABEL: _labels,
    REGRESSION: _number,
    EMBEDDING: _number,
    TOKENS: _entities,
    SPAN: _answers,
}
