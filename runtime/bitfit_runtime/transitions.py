"""Transitions of tags: which tag may follow which, and the likeliest tags of a whole text.

Scores are float64 `[labels + 1, labels]`: row i is the tag of the word before, the last row that of no word before. A
path of tags scores the sum of its words' log-probabilities and of its transitions, in a linear chain (Lafferty et al.,
2001). Everything is computed in float64, word after word, so that a text's answer depends on the text alone.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]
OUTSIDE: Final = "O"
BEGIN: Final = "B-"
INSIDE: Final = "I-"
# What a pack may say of transitions: only legal ones are taken, or these also have scores that it holds.
LEGAL: Final = "legal"
LEARNED: Final = "learned"
LARGEST_SCORE: Final = 20.0  # of a transition, in size
LEAST: Final = -120.0  # log-probability of a word's tag, below which nothing is told apart


@lru_cache(maxsize=64)
def allowed(labels: tuple[str, ...]) -> npt.NDArray[np.bool_]:
    """Return which label may follow which, `[labels + 1, labels]`: I-NAME follows B-NAME and I-NAME alone."""
    found = np.ones((len(labels) + 1, len(labels)), np.bool_)
    for index, label in enumerate(labels):
        if label.startswith(INSIDE):
            name = label.removeprefix(INSIDE)
            found[:, index] = [*(before in (BEGIN + name, label) for before in labels), False]
    found.flags.writeable = False
    return found


def without_begin(labels: Sequence[str]) -> str | None:
    """Return a label that no legal path reaches or that is none of O, B-NAME and I-NAME; None where all are well."""
    for label in labels:
        reached = label == OUTSIDE or label.startswith(BEGIN)
        if not reached and not (label.startswith(INSIDE) and BEGIN + label.removeprefix(INSIDE) in labels):
            return label
    return None


def log_probabilities(logits: Float32 | Float64) -> Float64:
    """Return the logarithm of the softmax along the last axis."""
    values = logits.astype(np.float64)
    values -= values.max(-1, keepdims=True)
    found: Float64 = values - np.log(np.exp(values).sum(-1, keepdims=True))
    return found


def chain_scores(labels: tuple[str, ...], learned: Float32) -> Float64:
    """Return the learned scores `[labels + 1, labels]`, minus infinity where a label may not follow."""
    return np.where(allowed(labels), learned.astype(np.float64), -np.inf)


def likeliest_tags(words: Float64, scores: Float64) -> Int64:
    """Return the path of the largest score for log-probabilities `[words, labels]` (Viterbi, 1967).

    Of equal ones, the label before with the lowest index is taken.
    """
    count = len(words)
    follows = np.ascontiguousarray(scores[:-1].T)  # [label, label before]
    before = np.zeros(words.shape, np.int64)
    best = words[0] + scores[-1]
    for index in range(1, count):
        reached = follows + best
        reached.argmax(1, out=before[index])
        best = np.maximum.reduce(reached, 1)
        best += words[index]
    path = np.empty(count, np.int64)
    path[-1] = best.argmax()
    for index in range(count - 1, 0, -1):
        path[index - 1] = before[index, path[index]]
    return path


def tag_probabilities(words: Float64, scores: Float64) -> Float64:
    """Return how likely each word has each tag over all legal paths, `[words, labels]`, for log-probabilities.

    No row of sums comes near the end of float64's range: scores are within LARGEST_SCORE, and what is less likely than
    exp(LEAST) counts as that.
    """
    chances, factors = np.exp(np.maximum(words, LEAST)), np.exp(scores[:-1])
    ahead, behind = np.empty(words.shape), np.empty(words.shape)
    row = ahead[0] = chances[0] * np.exp(scores[-1])
    for index in range(1, len(words)):
        row = row @ factors
        row *= chances[index]
        row /= np.add.reduce(row)
        ahead[index] = row
    row = behind[-1] = np.ones(words.shape[1])
    for index in range(len(words) - 2, -1, -1):
        row = factors @ (row * chances[index + 1])
        row /= np.add.reduce(row)
        behind[index] = row
    found: Float64 = ahead * behind
    found /= found.sum(-1, keepdims=True)
    return found
