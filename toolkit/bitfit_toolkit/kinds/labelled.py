"""One label for each text or pair, or any number of them."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef
from torch.nn.functional import binary_cross_entropy_with_logits

from bitfit_runtime import Prediction
from bitfit_runtime.contract import CLASSIFICATION, MULTI_LABEL
from bitfit_runtime.prediction import LabelSet
from bitfit_runtime.tokens import EncodedText
from bitfit_toolkit.errors import DataError, TrainingError
from bitfit_toolkit.examples import Example
from bitfit_toolkit.kinds.kind import Kind, rarity, weighted_entropy


class Classification(Kind):
    """One label of several."""

    task_type = CLASSIFICATION
    figures = ("accuracy", "f1_macro", "matthews")

    def __init__(self, examples: Sequence[Example]) -> None:
        super().__init__(examples)
        self.labels = tuple(sorted({str(example.label) for example in examples}))
        if len(self.labels) < 2:
            raise TrainingError(f"training needs examples of at least two labels, found only {self.labels[0]!r}")
        self._index = {label: index for index, label in enumerate(self.labels)}

    @classmethod
    def check(cls, examples: Sequence[Example], known: Sequence[str]) -> None:
        """Raise DataError on an unknown label."""
        refuse_strangers((str(example.label) for example in examples), known)

    def target(self, example: Example, text: EncodedText) -> int:
        """Return the label's index."""
        del text
        return self._index[str(example.label)]

    def balance(self, targets: Sequence[int]) -> None:
        """Weigh labels by their rarity."""
        self._weights = rarity(targets, len(self.labels))

    def loss(self, raw: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Return the cross-entropy."""
        return weighted_entropy(raw, targets, self.weights(raw))

    @classmethod
    def metrics(cls, examples: Sequence[Example], answers: Sequence[Prediction]) -> dict[str, float]:
        """Return accuracy, macro-averaged F1 over the labels that occur, and Matthews' correlation."""
        expected, found = [str(example.label) for example in examples], [answer.label for answer in answers]
        return {
            "accuracy": float(accuracy_score(expected, found)),
            "f1_macro": float(f1_score(expected, found, average="macro", zero_division=0)),
            "matthews": float(matthews_corrcoef(expected, found)),
        }

    @classmethod
    def same(cls, one: Prediction, other: Prediction) -> bool:
        """Whether both give the same label."""
        return one.label == other.label


class MultiLabel(Kind):
    """Any number of labels, each judged on its own."""

    task_type = MULTI_LABEL
    figures = ("f1_micro", "f1_macro", "exact")

    def __init__(self, examples: Sequence[Example]) -> None:
        super().__init__(examples)
        self.labels = tuple(sorted({label for example in examples for label in _set(example)}))
        if not self.labels:
            raise TrainingError("training needs examples with at least one label, found none")

    @classmethod
    def check(cls, examples: Sequence[Example], known: Sequence[str]) -> None:
        """Raise DataError on an unknown label."""
        refuse_strangers((label for example in examples for label in _set(example)), known)

    def target(self, example: Example, text: EncodedText) -> list[float]:
        """Return 1 for each label that the example has, 0 for the others."""
        del text
        return [float(label in _set(example)) for label in self.labels]

    def balance(self, targets: Sequence[list[float]]) -> None:
        """Weigh a label's presence by the ratio of its absences to its presences."""
        present = torch.tensor(targets).sum(0)
        self._weights = (len(targets) - present).clamp(min=1) / present.clamp(min=1)

    def loss(self, raw: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Return the binary cross-entropy, averaged over labels."""
        return binary_cross_entropy_with_logits(raw.float(), targets, pos_weight=self.weights(raw))

    @classmethod
    def metrics(cls, examples: Sequence[Example], answers: Sequence[LabelSet]) -> dict[str, float]:
        """Return micro- and macro-averaged F1 and the share of examples with exactly the right labels."""
        labels = answers[0].labels
        expected = np.array([[label in _set(example) for label in labels] for example in examples])
        found = np.array([[label in answer.chosen for label in labels] for answer in answers])
        return {
            "f1_micro": float(f1_score(expected, found, average="micro", zero_division=0)),
            "f1_macro": float(f1_score(expected, found, average="macro", zero_division=0)),
            "exact": float((expected == found).all(1).mean()),
        }

    @classmethod
    def same(cls, one: LabelSet, other: LabelSet) -> bool:
        """Whether both choose the same labels."""
        return one.chosen == other.chosen


def refuse_strangers(found: Iterable[str], known: Sequence[str]) -> None:
    """Raise DataError when a label is not among `known`."""
    strangers = sorted(set(found) - set(known))
    if strangers:
        raise DataError(
            f"{len(strangers)} labels of the evaluation data are unknown to the task, {strangers[0]!r} first; "
            "train with examples of them, or leave those rows out"
        )


def _set(example: Example) -> tuple[Any, ...]:
    return example.label if isinstance(example.label, tuple) else ()
