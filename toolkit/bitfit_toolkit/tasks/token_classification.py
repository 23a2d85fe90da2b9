"""Token classification: entities by a BIO label for each word, which its first token carries, or all of them."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import numpy.typing as npt

from bitfit_runtime.tasks.token_classification import TOKEN_CLASSIFICATION, Entities, tag_words
from bitfit_runtime.tokenized_text import FIRST, TokenizedText
from bitfit_runtime.transitions import BEGIN, INSIDE, OUTSIDE
from bitfit_runtime.words import visible
from bitfit_toolkit.errors import TrainingError
from bitfit_toolkit.tasks.base import (
    CONTINUED,
    IGNORED,
    Cells,
    Example,
    TrainableTask,
    check_known,
    marks,
    rarity,
    take_marks,
)
from bitfit_toolkit.tasks.entity_reading import read_entities
from bitfit_toolkit.tasks.judgement import NOTHING, Judgement, set_classes
from bitfit_toolkit.tasks.transition_scores import transition_scores

if TYPE_CHECKING:
    import torch


class TokenClassification(TrainableTask[list[int], Entities]):
    """Entities by a BIO label for each word, whose first token carries it."""

    task_type = TOKEN_CLASSIFICATION
    columns: ClassVar[Mapping[str, tuple[str, ...]]] = {
        **TrainableTask.columns,
        "text": ("tokens", "words", "text"),
        "label": ("tags", "ner_tags", "labels", "label", "entities", "spans"),
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
        """Read one row; see `read_rows`."""
        return cls.read_rows([cells])[0][0]

    @classmethod
    def read_rows(cls, rows: Sequence[Cells]) -> tuple[list[Example], list[str]]:
        """Read words with a tag each, in the scheme that the tags of all rows show, or texts with spans of characters.

        Words are joined by spaces.
        """
        return read_entities(rows)

    @classmethod
    def take(cls, cells: Cells) -> Example:
        """Take marks, or none."""
        return take_marks(cells)

    @classmethod
    def lost(cls, example: Example, target: list[int]) -> int:
        """Return how many entities begin nowhere in the target."""
        return max(0, len(marks(example)) - sum(index > 0 and index % 2 for index in target))

    @classmethod
    def label_size(cls, example: Example) -> int:
        """Return the number of entities."""
        return len(marks(example))

    @classmethod
    def check_labels(cls, examples: Sequence[Example], known: Sequence[str]) -> None:
        """Raise DataError on an unknown type of entity."""
        names = [label.removeprefix(BEGIN) for label in known]
        check_known((mark.label for example in examples for mark in marks(example)), names)

    def target(self, example: Example, tokens: TokenizedText) -> list[int]:
        """Return a label's index for the first token of each word, and IGNORED for the other tokens.

        Where all tokens of a word speak for it, those behind its first are CONTINUED.
        """
        targets = [IGNORED] * len(tokens)
        words = tokens.words(example.text)
        if words and self.words is not None:
            inside = range(words[0].token, tokens.sides[FIRST].stop)
            targets[inside.start : inside.stop] = [CONTINUED] * len(inside)
        tags = tag_words(words, [(mark.label, mark.start, mark.end) for mark in marks(example)])
        for word, tag in zip(words, tags, strict=True):
            targets[word.token] = self._index[tag]
        return targets

    @classmethod
    def places(cls, target: list[int]) -> list[int]:
        """Return the tokens of entities."""
        return [token for token, index in enumerate(target) if index > 0]

    @classmethod
    def part(cls, target: list[int], tokens: npt.NDArray[np.int64]) -> list[int]:
        """Return the labels of these tokens; one that continues a token which is not among them is ignored."""
        kept = tokens.tolist()
        apart = (token != before + 1 for before, token in pairwise([-1, *kept]))
        return [
            IGNORED if new and target[token] == CONTINUED else target[token]
            for token, new in zip(kept, apart, strict=True)
        ]

    def stack(self, targets: Sequence[list[int]], width: int) -> npt.NDArray[np.int64]:
        """Return targets `[batch, sequence]`."""
        return np.array([[*target, *[IGNORED] * (width - len(target))] for target in targets], np.int64)

    def balance(self, targets: Sequence[list[int]]) -> None:
        """Weigh labels by their rarity among words."""
        of_words = [target for example in targets for target in example if target >= 0]
        self.class_weights = rarity(of_words, len(self.labels))

    def learn_transitions(self, targets: Sequence[list[int]]) -> None:
        """Score each tag after another by how often it follows there among the words."""
        of_words = ([target for target in example if target >= 0] for example in targets)
        self.transitions = transition_scores((tags for tags in of_words if tags), len(self.labels))

    def loss(self, raw: "torch.Tensor", targets: "torch.Tensor") -> "torch.Tensor":
        """Return the cross-entropy, averaged over words."""
        from bitfit_toolkit.tasks.losses import weighted_cross_entropy, word_means

        raw, targets = (raw, targets) if self.words is None else word_means(raw, targets)
        return weighted_cross_entropy(raw.flatten(0, 1), targets.flatten(), self.class_weights)

    @classmethod
    def metrics(cls, examples: Sequence[Example], answers: Sequence[Entities]) -> dict[str, float]:
        """Return precision, recall and F1 over whole entities: label and visible characters must both be right."""
        expected, found = [_expected(example) for example in examples], [_found(answer) for answer in answers]
        right = sum(len(a & b) for a, b in zip(expected, found, strict=True))
        precision, recall = right / max(1, sum(map(len, found))), right / max(1, sum(map(len, expected)))
        f1 = 2 * precision * recall / (precision + recall) if right else 0.0
        return {"f1": f1, "precision": precision, "recall": recall}

    @classmethod
    def judge(cls, examples: Sequence[Example], answers: Sequence[Entities]) -> list[Judgement]:
        """Set entities beside each other; an answer is as wrong as it misses, invents or mislabels of them."""
        judged: list[Judgement] = []
        for example, answer in zip(examples, answers, strict=True):
            expected, found = _expected(example), _found(answer)
            where = {(start, end): label for label, start, end in found}
            renamed = [(label, where[start, end]) for label, start, end in expected - found if (start, end) in where]
            missed = [label for label, start, end in expected if (start, end) not in where]
            places = {(start, end) for _, start, end in expected}
            invented = [label for label, start, end in found if (start, end) not in places]
            same = [(label, label) for label, _, _ in expected & found]
            wanted, got = (
                ", ".join(f"{example.text[start:end]} ({label})" for label, start, end in sorted(entities, key=_place))
                or NOTHING
                for entities in (expected, found)
            )
            wrong = float(len(renamed) + len(missed) + len(invented))
            classes = (*same, *renamed, *set_classes(missed, ()), *set_classes((), invented))
            judged.append(Judgement(wanted, got, wrong, classes=classes))
        return judged

    @classmethod
    def agree(cls, one: Entities, other: Entities) -> bool:
        """Whether both find the same entities."""
        return _found(one) == _found(other)


def _expected(example: Example) -> set[tuple[str, int, int]]:
    """Return label, start and end of the entities of an example, without white space around them."""
    return {(mark.label, *visible(example.text, mark.start, mark.end)) for mark in marks(example)}


def _found(answer: Entities) -> set[tuple[str, int, int]]:
    """Return label, start and end of the entities of an answer."""
    return {(entity.label, entity.start, entity.end) for entity in answer.entities}


def _place(entity: tuple[str, int, int]) -> tuple[int, int]:
    return entity[1:]
