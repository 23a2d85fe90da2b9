"""The piece of a text that answers a question (Rajpurkar et al., 2016, arXiv:1606.05250)."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from bitfit_runtime.graph import TOKEN_LOGITS
from bitfit_runtime.tasks.base import HeadOutput, TaskType, softmax

LONGEST_SPAN: Final = 48  # tokens


@dataclass(frozen=True, slots=True)
class Span:
    """The answer to one row of a span task: characters `start` to `end` (exclusive) of the searched text."""

    task: str
    text: str
    start: int
    end: int
    probability: float
    truncated: bool = False

    def as_dict(self, top: int = 1) -> dict[str, Any]:
        """Return the answer as JSON has it."""
        del top
        return {"answer": self.text, "start": self.start, "end": self.end, "probability": self.probability}

    def summary(self, top: int = 1) -> str:
        """Return the piece of text and its probability."""
        del top
        return f"{self.text} {self.probability:.3f}"


def postprocess(output: HeadOutput) -> Span:
    """Turn token logits `[tokens, 2]` (start, end) into the likeliest span of the second text, or of the only one."""
    searched, side = (output.row.text, 0) if output.row.text_pair is None else (output.row.text_pair, 1)
    encoding = output.tokens.encoding
    indices = [index for index, part in enumerate(encoding.sequence_ids) if part == side]
    if not indices:
        return Span(output.task, "", 0, 0, 0.0, output.tokens.truncated)
    starts, ends = softmax(output.values[indices].T)
    joint = np.triu(np.outer(starts, ends))
    joint -= np.triu(joint, LONGEST_SPAN)
    first, last = np.unravel_index(int(joint.argmax()), joint.shape)
    start = encoding.offsets[indices[int(first)]][0]
    end = encoding.offsets[indices[int(last)]][1]
    probability = float(joint[first, last])
    return Span(output.task, searched[start:end], start, end, probability, output.tokens.truncated)


SPAN: Final = TaskType("span", TOKEN_LOGITS, 2, 2, Span, postprocess)
