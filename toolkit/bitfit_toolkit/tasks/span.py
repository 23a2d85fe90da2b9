"""Span extraction: where in a context the answer to a question is (Rajpurkar et al., 2016, arXiv:1606.05250)."""

import string
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import numpy.typing as npt

from bitfit_runtime.tasks.span import SPAN, Span, find_tokens, searched_text
from bitfit_runtime.tokenized_text import TokenizedText
from bitfit_runtime.words import visible
from bitfit_toolkit.errors import DataError
from bitfit_toolkit.tasks.answer_reading import read_answers
from bitfit_toolkit.tasks.base import IGNORED, Cells, Example, Float32, Int64, TrainableTask, marks, take_marks
from bitfit_toolkit.tasks.judgement import Judgement

if TYPE_CHECKING:
    import torch


class SpanExtraction(TrainableTask[list[int], Span]):
    """Where in the context the answer to a question is."""

    task_type = SPAN
    columns: ClassVar[Mapping[str, tuple[str, ...]]] = {
        **TrainableTask.columns,
        "text": ("question", "text"),
        "text_pair": ("context", "text_pair"),
        "label": ("answers", "answer", "label"),
    }
    metric_names = ("f1", "exact")
    labels = ("start", "end")

    @classmethod
    def read(cls, cells: Cells) -> Example:
        """Read one row; see `read_rows`."""
        return cls.read_rows([cells])[0][0]

    @classmethod
    def read_rows(cls, rows: Sequence[Cells]) -> tuple[list[Example], list[str]]:
        """Read SQuAD's `{"text": [...], "answer_start": [...]}`, or texts whose first occurrence is meant.

        Raises DataError, with their number, where questions have no answer: an answer always names a place.
        """
        return read_answers(rows), []

    @classmethod
    def take(cls, cells: Cells) -> Example:
        """Take marks, of which training learns the first."""
        if not cells.label:
            raise DataError(f"{cells.where}: no answer is given; leave questions without an answer out")
        return take_marks(cells)

    @classmethod
    def lost(cls, example: Example, target: list[int]) -> int:
        """Return 1 where the answer was cut off."""
        del example
        return int(target[0] == IGNORED)

    @classmethod
    def label_size(cls, example: Example) -> int:
        """Return 1: training learns the first accepted answer."""
        del example
        return 1

    def target(self, example: Example, tokens: TokenizedText) -> list[int]:
        """Return the answer's first and last token, both IGNORED where the context was cut before its end."""
        answer = marks(example)[0]
        searched, side = searched_text(example.text, example.text_pair)
        found = find_tokens(tokens.spans(searched, side), *visible(searched, answer.start, answer.end))
        return [IGNORED, IGNORED] if found is None else list(found)

    @classmethod
    def places(cls, target: list[int]) -> list[int]:
        """Return the answer's first and last token."""
        return [token for token in target if token != IGNORED]

    @classmethod
    def part(cls, target: list[int], tokens: npt.NDArray[np.int64]) -> list[int]:
        """Return where among these tokens the answer's are, both IGNORED where one is missing."""
        where = {token: index for index, token in enumerate(tokens.tolist())}
        found = [where.get(token, IGNORED) for token in target]
        return found if IGNORED not in found else [IGNORED, IGNORED]

    def stack(self, targets: Sequence[list[int]], width: int) -> npt.NDArray[np.int64]:
        """Return targets `[batch, 2]`."""
        del width
        return np.array(targets, np.int64)

    def loss(self, raw: "torch.Tensor", targets: "torch.Tensor") -> "torch.Tensor":
        """Return the mean cross-entropy of start and end over the tokens of `raw [batch, sequence, 2]`."""
        from bitfit_toolkit.tasks.losses import weighted_cross_entropy

        return weighted_cross_entropy(raw.transpose(1, 2).flatten(0, 1), targets.flatten(), None)

    @classmethod
    def metrics(cls, examples: Sequence[Example], answers: Sequence[Span]) -> dict[str, float]:
        """Return the mean F1 over words and the share of exact matches, against the nearest accepted answer."""
        f1 = exact = 0.0
        for example, answer in zip(examples, answers, strict=True):
            accepted = [_plain_words(text) for text in _accepted(example)]
            found = _plain_words(answer.text)
            f1 += max(_overlap(words, found) for words in accepted)
            exact += found in accepted
        return {"f1": f1 / len(examples), "exact": exact / len(examples)}

    @classmethod
    def judge(cls, examples: Sequence[Example], answers: Sequence[Span]) -> list[Judgement]:
        """Set answers beside each other; one is as wrong as it is probable and lacks of F1."""
        judged: list[Judgement] = []
        for example, answer in zip(examples, answers, strict=True):
            accepted, found = _accepted(example), _plain_words(answer.text)
            f1, nearest = max((_overlap(_plain_words(text), found), text) for text in accepted)
            judged.append(Judgement(nearest, answer.text, (1 - f1) * answer.probability, answer.probability))
        return judged

    @classmethod
    def choices(cls, example: Example, tokens: TokenizedText, target: list[int], raw: Float32) -> tuple[Float32, Int64]:
        """Return the choices of the first and of the last token, among those of the searched text."""
        places = [index for index, _ in tokens.spans(*searched_text(example.text, example.text_pair))]
        if not set(target) <= set(places):
            return super().choices(example, tokens, target, raw)
        return raw[places].T, np.array([places.index(token) for token in target], np.int64)

    @classmethod
    def agree(cls, one: Span, other: Span) -> bool:
        """Whether both point at the same characters."""
        return (one.start, one.end) == (other.start, other.end)


def _accepted(example: Example) -> list[str]:
    """Return the accepted answers to an example."""
    context = example.text if example.text_pair is None else example.text_pair
    return [context[slice(*visible(context, mark.start, mark.end))] for mark in marks(example)]


def _plain_words(text: str) -> list[str]:
    """Lower-case words without punctuation and English articles, as SQuAD's own evaluation compares them."""
    plain = "".join(c for c in text.lower() if c not in string.punctuation)
    return [word for word in plain.split() if word not in ("a", "an", "the")]


def _overlap(expected: list[str], found: list[str]) -> float:
    common = sum((Counter(expected) & Counter(found)).values())
    return 2 * common / (len(expected) + len(found)) if common else float(expected == found)
