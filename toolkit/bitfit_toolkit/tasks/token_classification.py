"""Token classification: entities by BIO labels; the first piece of a word carries the word's label."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import numpy.typing as npt

from bitfit_runtime.tasks.token_classification import BEGIN, INSIDE, OUTSIDE, TOKEN_CLASSIFICATION, Entities
from bitfit_runtime.tokenizer import TokenizedText
from bitfit_toolkit.errors import DataError, TrainingError
from bitfit_toolkit.tasks.base import IGNORED, Cells, Example, Mark, TrainableTask, check_known, marks, rarity

if TYPE_CHECKING:
    import torch


class TokenClassification(TrainableTask[list[int], Entities]):
    """Entities by BIO labels; the first piece of a word carries the word's label."""

    task_type = TOKEN_CLASSIFICATION
    columns: ClassVar[Mapping[str, tuple[str, ...]]] = {
        **TrainableTask.columns,
        "text": ("tokens", "words", "text"),
        "label": ("tags", "ner_tags", "labels", "label"),
    }
    metric_names = ("f1", "precision", "recall")

    def __init__(self, examples: Sequence[Example]) -> None:
        super().__init__(examples)
        names = sorted({mark.label for example in examples for mark in marks(example)})
        if not names:
            raise TrainingError("training needs examples with at least one entity, found none")
        self.labels = (OUTSIDE, *(prefix + name for name in names for prefix in (BEGIN, INSIDE)))
        self._index = {label: index for index, label in enumerate(self.labels)}

    @classmethod
    def read(cls, cells: Cells) -> Example:
        """Join words by spaces, and turn their BIO tags into marks of the joined text."""
        words, tags = ((v.split() if isinstance(v, str) else v) for v in (cells.text, cells.label))
        if not isinstance(words, list) or not isinstance(tags, list) or len(words) != len(tags):
            found = f"{len(words)} and {len(tags)}" if isinstance(words, list) and isinstance(tags, list) else "none"
            raise DataError(f"{cells.where}: expected as many tags as words, found {found}; fix that row")
        found_marks: list[Mark] = []
        end, previous = -1, OUTSIDE
        for word, tag in zip(words, tags, strict=True):
            if not isinstance(word, str) or not _is_tag(tag):
                raise DataError(f"{cells.where}: a tag should be {OUTSIDE}, {BEGIN}NAME or {INSIDE}NAME, found {tag!r}")
            start, end = end + 1, end + 1 + len(word)
            if tag.startswith(INSIDE) and tag[2:] == previous:
                found_marks[-1] = Mark(previous, found_marks[-1].start, end)
            elif tag != OUTSIDE:
                found_marks.append(Mark(tag[2:], start, end))
            previous = tag[2:] if tag != OUTSIDE else OUTSIDE
        return replace(cells, text=" ".join(words)).example(tuple(found_marks))

    @classmethod
    def check_labels(cls, examples: Sequence[Example], known: Sequence[str]) -> None:
        """Raise DataError on an unknown type of entity."""
        names = [label.removeprefix(BEGIN) for label in known]
        check_known((mark.label for example in examples for mark in marks(example)), names)

    def target(self, example: Example, tokens: TokenizedText) -> list[int]:
        """Return a label's index for the first token of each word, and IGNORED for the other tokens."""
        targets = [IGNORED] * len(tokens)
        for first, start, end in tokens.words():
            targets[first] = self._index[OUTSIDE]
            for mark in marks(example):
                if start < mark.end and mark.start < end:
                    targets[first] = self._index[(BEGIN if start <= mark.start else INSIDE) + mark.label]
        return targets

    def stack(self, targets: Sequence[list[int]], width: int) -> npt.NDArray[np.int64]:
        """Return targets `[batch, sequence]`."""
        return np.array([[*target, *[IGNORED] * (width - len(target))] for target in targets], np.int64)

    def balance(self, targets: Sequence[list[int]]) -> None:
        """Weigh labels by their rarity among words."""
        of_words = [target for example in targets for target in example if target != IGNORED]
        self.class_weights = rarity(of_words, len(self.labels))

    def loss(self, raw: "torch.Tensor", targets: "torch.Tensor") -> "torch.Tensor":
        """Return the cross-entropy, averaged over words."""
        from bitfit_toolkit.tasks.losses import weighted_cross_entropy

        return weighted_cross_entropy(raw.flatten(0, 1), targets.flatten(), self.class_weights)

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
    def agree(cls, one: Entities, other: Entities) -> bool:
        """Whether both find the same entities."""
        found = [[(e.label, e.start, e.end) for e in answer.entities] for answer in (one, other)]
        return found[0] == found[1]


def _is_tag(tag: object) -> bool:
    return isinstance(tag, str) and (tag == OUTSIDE or tag[:2] in (BEGIN, INSIDE))
