"""The piece of a text that answers a question (Rajpurkar et al., 2016, arXiv:1606.05250)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from bitfit_runtime.graph import TOKEN_LOGITS
from bitfit_runtime.tasks.base import NOT_ACCEPTED, OFFSETS, HeadOutput, TaskType, softmax
from bitfit_runtime.tokenized_text import FIRST, SECOND
from bitfit_runtime.words import Characters, own_characters

LONGEST_SPAN: Final = 48  # tokens


@dataclass(frozen=True, slots=True)
class Span:
    """The answer to one row of a span task: characters `start` to `end` (exclusive) of the searched text.

    `accepted` is as in `Prediction`.
    """

    task: str
    text: str
    start: int
    end: int
    probability: float
    truncated: bool = False
    accepted: bool | None = None

    def as_dict(self, top: int = 1) -> dict[str, Any]:
        """Return the answer as JSON has it."""
        del top
        found = {"answer": self.text, "start": self.start, "end": self.end, "probability": self.probability}
        return found if self.accepted is None else found | {"accepted": self.accepted}

    def summary(self, top: int = 1) -> str:
        """Return the piece of text and its probability."""
        del top
        return f"{self.text} {self.probability:.3f}" + (NOT_ACCEPTED if self.accepted is False else "")


def postprocess(output: HeadOutput) -> Span:
    """Turn token logits `[tokens, 2]` (start, end) into the likeliest span of the second text, or of the only one."""
    searched, side = searched_text(output.row.text, output.row.text_pair)
    spans = output.tokens.spans(searched, side)
    if not spans:
        return Span(output.task, "", 0, 0, 0.0, output.tokens.truncated, output.accepts(0.0))
    starts, ends = softmax(output.values[[index for index, _ in spans]].T, output.temperature)
    reached = sliding_window_view(np.pad(ends, (0, LONGEST_SPAN - 1)), LONGEST_SPAN)  # not all ends: texts may be long
    joint = starts[:, None] * reached
    first, further = map(int, np.unravel_index(int(joint.argmax()), joint.shape))
    start, _ = own_characters(searched, *spans[first][1])
    _, end = own_characters(searched, *spans[first + further][1])
    probability = float(joint[first, further])
    text, accepted = searched[start:end], output.accepts(probability)
    return Span(output.task, text, start, end, probability, output.tokens.truncated, accepted)


def searched_text(text: str, text_pair: str | None) -> tuple[str, int]:
    """Return the text that an answer is searched in, and its side: the second text, or the only one."""
    return (text, FIRST) if text_pair is None else (text_pair, SECOND)


def find_tokens(spans: Sequence[tuple[int, Characters]], start: int, end: int) -> tuple[int, int] | None:
    """Return the first and last token of characters `start` to `end`, None where the text was cut before their end.

    `spans` are those of the searched text; `postprocess` turns such tokens into these characters again.
    """
    inside = [(index, span) for index, span in spans if span.start < end and start < span.end]
    if not inside or inside[-1][1].end < end:
        return None
    # A token may hold bytes of two characters: rather the next one, if it begins with the answer, or the one before.
    first = next((index for index, span in inside if span.start == start), inside[0][0])
    last = next((index for index, span in reversed(inside) if span.end == end), inside[-1][0])
    return (first, last) if first <= last else (inside[0][0], inside[-1][0])


SPAN: Final = TaskType(
    "span", TOKEN_LOGITS, 2, 2, Span, postprocess, (OFFSETS,), SECOND, decides=("temperature", "acceptance")
)
