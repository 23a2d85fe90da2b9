"""Entities: labelled pieces of a text, found by a BIO label for each word."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from bitfit_runtime.graph import TOKEN_LOGITS
from bitfit_runtime.tasks.base import OFFSETS, Float32, Float64, HeadOutput, TaskType, softmax
from bitfit_runtime.tokenized_text import FIRST, SECOND, Word
from bitfit_runtime.transitions import (
    BEGIN,
    INSIDE,
    OUTSIDE,
    chain_scores,
    likeliest_tags,
    log_probabilities,
    tag_probabilities,
)


@dataclass(frozen=True, slots=True)
class Entity:
    """A labelled piece of a text: its characters `start` to `end` (exclusive), which are `text`."""

    label: str
    text: str
    start: int
    end: int
    probability: float


@dataclass(frozen=True, slots=True)
class Entities:
    """The answer to one row of a token classification task, in the order of the text."""

    task: str
    entities: tuple[Entity, ...]
    truncated: bool = False

    def as_dict(self, top: int = 1) -> dict[str, Any]:
        """Return the answer as JSON has it."""
        del top
        return {"entities": [asdict(entity) for entity in self.entities]}

    def summary(self, top: int = 1) -> str:
        """Return the entities as one short line."""
        del top
        return ", ".join(f"{entity.text} ({entity.label})" for entity in self.entities) or "none"


def postprocess(output: HeadOutput) -> Entities:
    """Turn token logits `[tokens, labels]` with BIO labels into entities of the first text.

    The first token of a word speaks for it, or all where the pack says so. An I- tag that continues nothing begins an
    entity, as in conlleval; a pack with transitions has none.
    """
    if output.of_first_version and output.row.text_pair is not None and not output.tokens.cut[SECOND]:
        # Version 0.1.0 found no words there, in training neither.
        return Entities(output.task, (), output.tokens.truncated)
    words = output.tokens.words(output.row.text)
    found: list[tuple[str, int, int, list[float]]] = []
    previous = None
    for word, (tag, probability) in zip(words, _tags(output, words), strict=True):
        if tag == OUTSIDE:
            previous = None
            continue
        label = tag[len(BEGIN) :] if tag.startswith((BEGIN, INSIDE)) else tag  # a name may be O, or begin with B-
        if tag.startswith(INSIDE) and previous == label:
            _, began, _, seen = found[-1]
            found[-1] = (label, began, word.end, [*seen, probability])
        else:
            found.append((label, word.start, word.end, [probability]))
        previous = label
    text = output.row.text
    entities = (Entity(label, text[start:end], start, end, float(np.mean(seen))) for label, start, end, seen in found)
    return Entities(output.task, tuple(entities), output.tokens.truncated)


def _tags(output: HeadOutput, words: Sequence[Word]) -> list[tuple[str, float]]:
    """Return the tag of each word and its probability, over all paths where the pack has transitions."""
    if not words:
        return []
    if output.transitions is None:
        probabilities = softmax(_word_logits(output, words))
        best = probabilities.argmax(-1)
    else:
        alone, scores = log_probabilities(_word_logits(output, words)), chain_scores(output.labels, output.transitions)
        best = likeliest_tags(alone, scores)
        if all(output.labels[index] == OUTSIDE for index in best):
            return [(OUTSIDE, 1.0)] * len(words)  # no answer shows their probabilities
        probabilities = tag_probabilities(alone, scores)
    return [(output.labels[tag], float(row[tag])) for tag, row in zip(best, probabilities, strict=True)]


def _word_logits(output: HeadOutput, words: Sequence[Word]) -> Float32 | Float64:
    """Return the logits of words `[words, labels]`: their first token's, or the mean over those up to the next word."""
    firsts = np.array([word.token for word in words])
    if output.words is None:
        first: Float32 = output.values[firsts]
        return first
    stop = output.tokens.sides[FIRST].stop
    sums = np.add.reduceat(output.values[firsts[0] : stop].astype(np.float64), firsts - firsts[0])
    found: Float64 = sums / np.diff(firsts, append=stop)[:, None]
    return found


def tag_words(words: Sequence[Word], entities: Iterable[tuple[str, int, int]]) -> list[str]:
    """Return the BIO label of each word, from which `postprocess` finds these (label, start, end) again.

    A word belongs to the last entity that it shares a character with; no word is split.
    """
    tags = [OUTSIDE] * len(words)
    ends = [word.end for word in words]
    for label, start, end in entities:
        prefix = BEGIN
        for index in range(bisect_right(ends, start), len(words)):
            if words[index].start >= end:
                break
            tags[index], prefix = prefix + label, INSIDE
    return tags


TOKEN_CLASSIFICATION: Final = TaskType(
    "token-classification", TOKEN_LOGITS, 2, None, Entities, postprocess, (OFFSETS,), FIRST, True
)
