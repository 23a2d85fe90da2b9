"""Rows of questions: where their answers stand in the context."""

from collections.abc import Iterator, Sequence
from typing import Any

from bitfit_toolkit.errors import DataError
from bitfit_toolkit.tasks.base import Cells, Example, Mark
from bitfit_toolkit.tasks.list_cells import looks_like_list, parse_list, parse_literal


def read_answers(rows: Sequence[Cells]) -> list[Example]:
    """Return rows as examples whose marks are the accepted answers. Raises DataError."""
    found = [(cells, list(_pairs(cells))) for cells in rows]
    unanswered = [cells.where for cells, pairs in found if not pairs]
    if unanswered:
        raise DataError(
            f"{unanswered[0]}: no answer is given; unanswerable questions are not supported: leave such rows out, "
            f"{len(unanswered):,} of {len(rows):,}"
        )
    return [cells.example(tuple(_mark(cells, text, start) for text, start in pairs)) for cells, pairs in found]


def _pairs(cells: Cells) -> Iterator[tuple[str, int]]:
    """Yield each accepted answer and where it begins."""
    answers: Any = cells.label
    context = cells.text_pair
    if not isinstance(context, str):
        raise DataError(f"{cells.where}: a span task needs the context to search in a text_pair column")
    if isinstance(answers, str):
        answers = _spelled(answers)
    if isinstance(answers, dict):
        answers = _zipped(cells, answers)
    if answers is None:
        return
    for answer in answers if isinstance(answers, list) else [answers]:
        text, start = answer, None
        if isinstance(answer, dict):
            text, start = answer.get("text"), answer.get("answer_start")
        if not isinstance(text, str) or not isinstance(start, (int, type(None))) or isinstance(start, bool):
            raise DataError(f"{cells.where}: answers should hold 'text' and 'answer_start', found {answer!r}")
        if text.strip():
            yield text, context.find(text) if start is None else start


def _spelled(answers: str) -> Any:
    """Return what a cell of text spells: SQuAD's object, a list, or the answer itself."""
    if answers.strip().startswith("{") and answers.strip().endswith("}"):
        found = parse_literal(answers)
        return found if isinstance(found, dict) else answers
    found = parse_list(answers) if looks_like_list(answers) else None
    return answers if found is None else found


def _zipped(cells: Cells, answers: dict[str, Any]) -> list[Any]:
    texts, starts = answers.get("text"), answers.get("answer_start")
    if isinstance(texts, list) and isinstance(starts, list) and len(texts) == len(starts):
        return [{"text": text, "answer_start": start} for text, start in zip(texts, starts, strict=True)]
    if isinstance(texts, str):
        return [answers]
    raise DataError(f"{cells.where}: answers should hold 'text' and 'answer_start', found {answers!r}")


def _mark(cells: Cells, text: str, start: int) -> Mark:
    """Return an answer as a mark without white space around it. Raises DataError where it does not stand there."""
    context = str(cells.text_pair)
    if start < 0 or context[start : start + len(text)] != text:
        at = context.find(text)
        hint = f"it is at {at}" if at >= 0 else "it is nowhere in it"
        raise DataError(f"{cells.where}: the answer {text!r} is not in the context at {start}, {hint}; fix that row")
    begin = start + len(text) - len(text.lstrip())
    return Mark("answer", begin, begin + len(text.strip()))
