"""Multi-label classification: any number of labels for each text or pair, each on its own."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from bitfit_runtime.tasks.multi_label import MULTI_LABEL, LabelSet
from bitfit_runtime.tokenizer import TokenizedText
from bitfit_toolkit.errors import DataError, TrainingError
from bitfit_toolkit.tasks.base import Cells, Example, TrainableTask, check_known

if TYPE_CHECKING:
    import torch

SEPARATOR = "|"


class MultiLabel(TrainableTask[list[float], LabelSet]):
    """Any number of labels, each judged on its own."""

    task_type = MULTI_LABEL
    metric_names = ("f1_micro", "f1_macro", "exact")

    def __init__(self, examples: Sequence[Example]) -> None:
        super().__init__(examples)
        self.labels = tuple(sorted({label for example in examples for label in _labels(example)}))
        if not self.labels:
            raise TrainingError("training needs examples with at least one label, found none")

    @classmethod
    def read(cls, cells: Cells) -> Example:
        """Read a list of strings, or in CSV one string with `|` between the labels; an empty one is a set too."""
        label = cells.label
        parts = label.split(SEPARATOR) if isinstance(label, str) else label
        if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
            raise DataError(
                f"{cells.where}: labels should be a list, or strings joined by {SEPARATOR!r}, found {label!r}"
            )
        return cells.example(tuple(dict.fromkeys(part.strip() for part in parts if part.strip())))

    @classmethod
    def check_labels(cls, examples: Sequence[Example], known: Sequence[str]) -> None:
        """Raise DataError on an unknown label."""
        check_known((label for example in examples for label in _labels(example)), known)

    def target(self, example: Example, tokens: TokenizedText) -> list[float]:
        """Return 1 for each label that the example has, 0 for the others."""
        del tokens
        return [float(label in _labels(example)) for label in self.labels]

    def stack(self, targets: Sequence[list[float]], width: int) -> npt.NDArray[np.float32]:
        """Return targets `[batch, labels]`."""
        del width
        return np.array(targets, np.float32)

    def balance(self, targets: Sequence[list[float]]) -> None:
        """Weigh a label's presence by the ratio of its absences to its presences."""
        present = np.array(targets, np.float32).sum(0)
        self.class_weights = np.maximum(len(targets) - present, 1) / np.maximum(present, 1)

    def loss(self, raw: "torch.Tensor", targets: "torch.Tensor") -> "torch.Tensor":
        """Return the binary cross-entropy, averaged over labels."""
        from torch.nn.functional import binary_cross_entropy_with_logits

        from bitfit_toolkit.tasks.losses import weights_for

        return binary_cross_entropy_with_logits(raw.float(), targets, pos_weight=weights_for(raw, self.class_weights))

    @classmethod
    def metrics(cls, examples: Sequence[Example], answers: Sequence[LabelSet]) -> dict[str, float]:
        """Return micro- and macro-averaged F1 and the share of examples with exactly the right labels."""
        from sklearn.metrics import f1_score

        labels = answers[0].labels
        expected = np.array([[label in _labels(example) for label in labels] for example in examples])
        found = np.array([[label in answer.chosen for label in labels] for answer in answers])
        return {
            "f1_micro": float(f1_score(expected, found, average="micro", zero_division=0)),
            "f1_macro": float(f1_score(expected, found, average="macro", zero_division=0)),
            "exact": float((expected == found).all(1).mean()),
        }

    @classmethod
    def agree(cls, one: LabelSet, other: LabelSet) -> bool:
        """Whether both choose the same labels."""
        return one.chosen == other.chosen


def _labels(example: Example) -> tuple[Any, ...]:
    return example.label if isinstance(example.label, tuple) else ()
