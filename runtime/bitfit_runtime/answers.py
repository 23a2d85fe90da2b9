"""From one row's output of the graph to an answer."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bitfit_runtime.contract import CLASSIFICATION, EMBEDDING, MULTI_LABEL, REGRESSION, SPAN, TOKENS
from bitfit_runtime.pack import PackInfo
from bitfit_runtime.prediction import Answer, Embedding, Entities, Entity, LabelSet, Prediction, Score, Span
from bitfit_runtime.rows import Row
from bitfit_runtime.tokens import EncodedText

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
OUTSIDE, BEGIN, INSIDE = "O", "B-", "I-"
LONGEST_SPAN = 48  # tokens


class RowOutput(NamedTuple):
    """What the graph gave for one row: `values` is its part of the output that the task's type reads, unpadded.

    `task` is the name that the pack is installed under.
    """

    task: str
    info: PackInfo
    row: Row
    values: Float32
    text: EncodedText


def classify(of: RowOutput) -> Prediction:
    """Turn logits `[labels]` into probabilities that sum to one."""
    return Prediction(of.task, of.info.labels, _floats(softmax(of.values)), of.text.truncated)


def choose_labels(of: RowOutput) -> LabelSet:
    """Turn logits `[labels]` into a probability each."""
    probabilities = 1 / (1 + np.exp(-of.values.astype(np.float64)))
    return LabelSet(of.task, of.info.labels, _floats(probabilities), of.text.truncated)


def score(of: RowOutput) -> Score:
    """Take the one logit as the value."""
    return Score(of.task, float(of.values[0]), of.text.truncated)


def embed(of: RowOutput) -> Embedding:
    """Take `pooled [hidden]` as it is."""
    return Embedding(of.task, of.values, of.text.truncated)


def extract_entities(of: RowOutput) -> Entities:
    """Turn token logits `[tokens, labels]` with BIO labels into entities of the first text.

    The first piece of a word speaks for the word. An I- tag that continues nothing begins an entity, as in conlleval.
    """
    probabilities = softmax(of.values)
    found: list[tuple[str, int, int, list[float]]] = []
    previous = OUTSIDE
    for first, start, end in words(of.text):
        best = int(probabilities[first].argmax())
        tag, probability = of.info.labels[best], float(probabilities[first, best])
        label = tag.removeprefix(BEGIN).removeprefix(INSIDE)
        if tag == OUTSIDE:
            previous = OUTSIDE
            continue
        if tag.startswith(INSIDE) and previous == label:
            _, began, _, seen = found[-1]
            found[-1] = (label, began, end, [*seen, probability])
        else:
            found.append((label, start, end, [probability]))
        previous = label
    entities = (Entity(label, start, end, float(np.mean(seen))) for label, start, end, seen in found)
    return Entities(of.task, tuple(entities), of.text.truncated)


def find_span(of: RowOutput) -> Span:
    """Turn token logits `[tokens, 2]` (start, end) into the likeliest span of the second text, or of the only one."""
    searched, side = (of.row.text, 0) if of.row.text_pair is None else (of.row.text_pair, 1)
    places = [place for place, part in enumerate(of.text.encoding.sequence_ids) if part == side]
    if not places:
        return Span(of.task, "", 0, 0, 0.0, of.text.truncated)
    starts, ends = softmax(of.values[places].T)
    joint = np.triu(np.outer(starts, ends))
    joint -= np.triu(joint, LONGEST_SPAN)
    first, last = np.unravel_index(int(joint.argmax()), joint.shape)
    start = of.text.encoding.offsets[places[int(first)]][0]
    end = of.text.encoding.offsets[places[int(last)]][1]
    return Span(of.task, searched[start:end], start, end, float(joint[first, last]), of.text.truncated)


DECODERS: Mapping[str, Callable[[RowOutput], Answer]] = {
    CLASSIFICATION: classify,
    MULTI_LABEL: choose_labels,
    REGRESSION: score,
    TOKENS: extract_entities,
    SPAN: find_span,
    EMBEDDING: embed,
}


def words(text: EncodedText) -> list[tuple[int, int, int]]:
    """Return (place of its first token, first character, last character + 1) of each word of the first text."""
    found: list[tuple[int, int, int]] = []
    last = None
    encoding = text.encoding
    for place, (word, side) in enumerate(zip(encoding.word_ids, encoding.sequence_ids, strict=True)):
        if word is None or side != 0:
            continue
        start, end = encoding.offsets[place]
        if word == last:
            found[-1] = (found[-1][0], found[-1][1], end)
        else:
            found.append((place, start, end))
        last = word
    return found


def softmax(logits: Float32) -> Float64:
    """Probabilities along the last axis."""
    exponentials = np.exp(logits.astype(np.float64) - logits.max(-1, keepdims=True))
    probabilities: Float64 = exponentials / exponentials.sum(-1, keepdims=True)
    return probabilities


def _floats(values: Sequence[float] | Float64) -> tuple[float, ...]:
    return tuple(np.asarray(values).tolist())
