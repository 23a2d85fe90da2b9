"""Multi-label classification: any number of labels for each text or pair, each on its own."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from bitfit_runtime.tasks.multi_label import MULTI_LABEL, LabelSet
from bitfit_runtime.tokenized_text import TokenizedText
from bitfit_toolkit.errors import DataError, TrainingError
from bitfit_toolkit.tasks.base import Cells, Example, Float32, Int64, TrainableTask, check_known, tidy
from bitfit_toolkit.tasks.judgement import NOTHING, Judgement, set_classes
from bitfit_toolkit.tasks.list_cells import looks_like_list, parse_list

if TYPE_CHECKING:
    import torch

SEPARATOR = "|"


class MultiLabel(TrainableTask[list[float], LabelSet]):
    """Any number of labels, each judged on its own."""

    task_type = MULTI_LABEL
    several_labels = True
    metric_names = ("f1_micro", "f1_macro", "exact")

    def __init__(self, examples: Sequence[Example]) -> None:
        super().__init__(examples)
        self.labels = tuple(sorted({label for example in examples for label in _labels(example)}))
        if not self.labels:
            raise TrainingError("training needs examples with at least one label, found none")

    @classmethod
    def read(cls, cells: Cells) -> Example:
        """Read a list of strings, or in CSV one string: `a|b` or `['a', 'b']`. An empty one is a set too."""
        label = cells.label
        parts = _parts(label) if isinstance(label, str) else label
        if not isinstance(parts, list):
            raise DataError(
                f"{cells.where}: labels should be a list, or in a string a{SEPARATOR}b or ['a', 'b'], found {label!r}"
            )
        names = [part if isinstance(part, str) else cells.name(part) for part in parts]
        return cells.example(tuple(dict.fromkeys(name for name in names if tidy(name))))

    @classmethod
    def take(cls, cells: Cells) -> Example:
        """Take a list of strings: a string is one label, or several in a file alone."""
        if not isinstance(cells.label, list):
            raise DataError(f"{cells.where}: the label should be a tuple of strings, found {cells.label!r:.60}")
        return cls.read(cells)

    @classmethod
    def check_labels(cls, examples: Sequence[Example], known: Sequence[str]) -> None:
        """Raise DataError on an unknown label."""
        check_known((label for example in examples for label in _labels(example)), known)

    def target(self, example: Example, tokens: TokenizedText) -> list[float]:
        """Return 1 for each label that the example has, 0 for the others."""
        del tokens
        own = _labels(example)
        return [1.0 if label in own else 0.0 for label in self.labels]  # two objects, however many labels

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
        """Return micro- and macro-averaged F1 and the share of examples with exactly the right labels.

        F1 is that of the presence of labels, also where there is one label; it is 0 for a label that is neither in the
        examples nor chosen.
        """
        labels = answers[0].labels
        expected = np.array([[label in _labels(example) for label in labels] for example in examples])
        found = np.array([[label in answer.chosen for label in labels] for answer in answers])
        right, present, chosen = (part.sum(0) for part in (expected & found, expected, found))
        return {
            "f1_micro": float(_f1(right.sum(), present.sum(), chosen.sum())),
            "f1_macro": float(_f1(right, present, chosen).mean()),
            "exact": float((expected == found).all(1).mean()),
        }

    @classmethod
    def judge(cls, examples: Sequence[Example], answers: Sequence[LabelSet]) -> list[Judgement]:
        """Set label sets beside each other; one is as wrong as its label that is farthest off."""
        judged: list[Judgement] = []
        for example, answer in zip(examples, answers, strict=True):
            expected, found = _labels(example), answer.chosen
            probabilities = dict(zip(answer.labels, answer.probabilities, strict=True))
            off = [abs((label in expected) - probabilities[label]) for label in {*expected} ^ {*found}]
            wanted, got = (", ".join(labels) or NOTHING for labels in (expected, found))
            judged.append(Judgement(wanted, got, max(off, default=0.0), classes=set_classes(expected, found)))
        return judged

    @classmethod
    def collapsed(cls, examples: Sequence[Example], answers: Sequence[LabelSet]) -> bool:
        """Whether no label is chosen rightly, or the same labels for all examples, which have others."""
        sets = {frozenset(answer.chosen) for answer in answers}
        expected = {frozenset(_labels(example)) for example in examples}
        return super().collapsed(examples, answers) or len(sets) == 1 < len(expected)

    @classmethod
    def choices(
        cls, example: Example, tokens: TokenizedText, target: list[float], raw: Float32
    ) -> tuple[Float32, Int64]:
        """Return for each label the choice between its presence and its absence."""
        del example, tokens
        return np.stack([np.zeros_like(raw), raw], 1), np.array(target, np.int64)

    @classmethod
    def agree(cls, one: LabelSet, other: LabelSet) -> bool:
        """Whether both choose the same labels."""
        return one.chosen == other.chosen


def _f1(right: Any, present: Any, chosen: Any) -> Any:
    """Return F1 for counts of labels that are rightly chosen, present, and chosen; 0 where there are none."""
    return 2 * right / np.maximum(present + chosen, 1)


def _parts(label: str) -> list[Any] | None:
    """Return the labels that a string holds; None where it looks like a list and is none."""
    listed = parse_list(label)
    if listed is None and not (looks_like_list(label) and SEPARATOR not in label):
        return [tidy(part) for part in label.split(SEPARATOR)]
    return listed


def _labels(example: Example) -> tuple[Any, ...]:
    return example.label if isinstance(example.label, tuple) else ()
