"""Pieces of a text: entities, or the span that answers a question."""

import string
from collections import Counter
from collections.abc import Sequence

import torch

from bitfit_runtime.answers import BEGIN, INSIDE, OUTSIDE, words
from bitfit_runtime.contract import SPAN, TOKENS
from bitfit_runtime.prediction import Entities, Span
from bitfit_runtime.tokens import EncodedText
from bitfit_toolkit.errors import TrainingError
from bitfit_toolkit.examples import Example
from bitfit_toolkit.kinds.kind import IGNORED, Kind, rarity, weighted_entropy
from bitfit_toolkit.kinds.labelled import refuse_strangers
from bitfit_toolkit.labels import Mark


class TokenClassification(Kind):
    """Entities by BIO labels; the first piece of a word carries the word's label."""

    task_type = TOKENS
    figures = ("f1", "precision", "recall")

    def __init__(self, examples: Sequence[Example]) -> None:
        super().__init__(examples)
        names = sorted({mark.label for example in examples for mark in marks(example)})
        if not names:
            raise TrainingError("training needs examples with at least one entity, found none")
        self.labels = (OUTSIDE, *(prefix + name for name in names for prefix in (BEGIN, INSIDE)))
        self._index = {label: index for index, label in enumerate(self.labels)}

    @classmethod
    def check(cls, examples: Sequence[Example], known: Sequence[str]) -> None:
        """Raise DataError on an unknown kind of entity."""
        names = [label.removeprefix(BEGIN) for label in known]
        refuse_strangers((mark.label for example in examples for mark in marks(example)), names)

    def target(self, example: Example, text: EncodedText) -> list[int]:
        """Return a label's index for the first token of each word, and IGNORED for the other tokens."""
        targets = [IGNORED] * len(text)
        for first, start, end in words(text):
            targets[first] = self._index[OUTSIDE]
            for mark in marks(example):
                if start < mark.end and mark.start < end:
                    targets[first] = self._index[(BEGIN if start <= mark.start else INSIDE) + mark.label]
        return targets

    def stack(self, targets: Sequence[list[int]], width: int) -> torch.Tensor:
        """Return targets `[batch, sequence]`."""
        return torch.tensor([[*target, *[IGNORED] * (width - len(target))] for target in targets])

    def balance(self, targets: Sequence[list[int]]) -> None:
        """Weigh labels by their rarity among words."""
        of_words = [target for example in targets for target in example if target != IGNORED]
        self._weights = rarity(of_words, len(self.labels))

    def loss(self, raw: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Return the cross-entropy, averaged over words."""
        return weighted_entropy(raw.flatten(0, 1), targets.flatten(), self.weights(raw))

    @classmethod
    def metrics(cls, examples: Sequence[Example], answers: Sequence[Entities]) -> dict[str, float]:
        """Return precision, recall and F1 over whole entities: characters and label must both be right."""
        expected = [{(m.label, m.start, m.end) for m in marks(example)} for example in examples]
        found = [{(e.label, e.start, e.end) for e in answer.entities} for answer in answers]
        right = sum(len(a & b) for a, b in zip(expected, found, strict=True))
        precision, recall = right / max(1, sum(map(len, found))), right / max(1, sum(map(len, expected)))
        f1 = 2 * precision * recall / (precision + recall) if right else 0.0
        return {"f1": f1, "precision": precision, "recall": recall}

    @classmethod
    def same(cls, one: Entities, other: Entities) -> bool:
        """Whether both find the same entities."""
        places = [[(e.label, e.start, e.end) for e in answer.entities] for answer in (one, other)]
        return places[0] == places[1]


class SpanExtraction(Kind):
    """Where in the context the answer to a question stands (Rajpurkar et al., 2016, arXiv:1606.05250)."""

    task_type = SPAN
    figures = ("f1", "exact")
    labels = ("start", "end")

    def target(self, example: Example, text: EncodedText) -> list[int]:
        """Return the answer's first and last token, both IGNORED where the context was cut before its end."""
        answer = marks(example)[0]
        side = 0 if example.text_pair is None else 1
        inside = [
            place
            for place, (part, (start, end)) in enumerate(
                zip(text.encoding.sequence_ids, text.encoding.offsets, strict=True)
            )
            if part == side and start < answer.end and answer.start < end
        ]
        if not inside or text.encoding.offsets[inside[-1]][1] < answer.end:
            return [IGNORED, IGNORED]
        return [inside[0], inside[-1]]

    def loss(self, raw: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Return the mean cross-entropy of start and end over the tokens of `raw [batch, sequence, 2]`."""
        return weighted_entropy(raw.transpose(1, 2).flatten(0, 1), targets.flatten(), None)

    @classmethod
    def metrics(cls, examples: Sequence[Example], answers: Sequence[Span]) -> dict[str, float]:
        """Return the mean F1 over words and the share of exact matches, against the nearest accepted answer."""
        f1 = exact = 0.0
        for example, answer in zip(examples, answers, strict=True):
            context = example.text if example.text_pair is None else example.text_pair
            accepted = [_plain_words(context[mark.start : mark.end]) for mark in marks(example)]
            found = _plain_words(answer.text)
            f1 += max(_overlap(words, found) for words in accepted)
            exact += found in accepted
        return {"f1": f1 / len(examples), "exact": exact / len(examples)}

    @classmethod
    def same(cls, one: Span, other: Span) -> bool:
        """Whether both point at the same characters."""
        return (one.start, one.end) == (other.start, other.end)


def marks(example: Example) -> tuple[Mark, ...]:
    """Return an example's marks."""
    return tuple(m for m in example.label if isinstance(m, Mark)) if isinstance(example.label, tuple) else ()


def _plain_words(text: str) -> list[str]:
    """Lower-case words without punctuation and English articles, as SQuAD's own evaluation compares them."""
    plain = "".join(c for c in text.lower() if c not in string.punctuation)
    return [word for word in plain.split() if word not in ("a", "an", "the")]


def _overlap(expected: list[str], found: list[str]) -> float:
    common = sum((Counter(expected) & Counter(found)).values())
    return 2 * common / (len(expected) + len(found)) if common else float(expected == found)
