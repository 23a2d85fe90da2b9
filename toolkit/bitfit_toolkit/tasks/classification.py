"""Classification: one label of several for each text or pair."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from bitfit_runtime.tasks.classification import CLASSIFICATION, Prediction
from bitfit_runtime.tokenized_text import TokenizedText
from bitfit_toolkit.errors import DataError, TrainingError
from bitfit_toolkit.tasks.base import Cells, Example, Float32, Int64, TrainableTask, check_known, rarity
from bitfit_toolkit.tasks.judgement import Judgement

if TYPE_CHECKING:
    import torch

ONE_LABEL: Final = 0.99  # of the answers
SPARE: Final = 0.01  # of the examples, which may well be of labels too rare to be learned


class Classification(TrainableTask[int, Prediction]):
    """One label of several."""

    task_type = CLASSIFICATION
    metric_names = ("accuracy", "f1_macro", "matthews")

    def __init__(self, examples: Sequence[Example]) -> None:
        super().__init__(examples)
        self.labels = tuple(sorted({str(example.label) for example in examples}))
        if len(self.labels) < 2:
            raise TrainingError(f"training needs examples of at least two labels, found only {self.labels[0]!r}")
        self._index = {label: index for index, label in enumerate(self.labels)}

    @classmethod
    def read(cls, cells: Cells) -> Example:
        """Read a label: a string that is not empty, or a number or truth value as Python writes it."""
        return cells.example(cells.name(cells.label))

    @classmethod
    def read_rows(cls, rows: Sequence[Cells]) -> tuple[list[Example], list[str]]:
        """Read each row. Raises DataError where 1 and 1.0 are two labels, which no one means."""
        numbers = {
            type(c.label): c for c in rows if isinstance(c.label, (int, float)) and not isinstance(c.label, bool)
        }
        if len(numbers) > 1:
            where = numbers[float].where
            raise DataError(f"{where}: labels are whole numbers in some rows and decimal ones in others; write strings")
        return super().read_rows(rows)

    @classmethod
    def check_labels(cls, examples: Sequence[Example], known: Sequence[str]) -> None:
        """Raise DataError on an unknown label."""
        check_known((str(example.label) for example in examples), known)

    def target(self, example: Example, tokens: TokenizedText) -> int:
        """Return the label's index."""
        del tokens
        return self._index[str(example.label)]

    def stack(self, targets: Sequence[int], width: int) -> npt.NDArray[np.int64]:
        """Return targets `[batch]`."""
        del width
        return np.array(targets, np.int64)

    def balance(self, targets: Sequence[int]) -> None:
        """Weigh labels by their rarity."""
        self.class_weights = rarity(targets, len(self.labels))

    def loss(self, raw: "torch.Tensor", targets: "torch.Tensor") -> "torch.Tensor":
        """Return the cross-entropy."""
        from bitfit_toolkit.tasks.losses import weighted_cross_entropy

        return weighted_cross_entropy(raw, targets, self.class_weights)

    @classmethod
    def metrics(cls, examples: Sequence[Example], answers: Sequence[Prediction]) -> dict[str, float]:
        """Return accuracy, macro-averaged F1 over the labels that occur, and Matthews' correlation."""
        from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef

        expected, found = [str(example.label) for example in examples], [answer.label for answer in answers]
        return {
            "accuracy": float(accuracy_score(expected, found)),
            "f1_macro": float(f1_score(expected, found, average="macro", zero_division=0)),
            "matthews": float(matthews_corrcoef(expected, found)) if len({*expected, *found}) > 1 else 0.0,
        }

    @classmethod
    def judge(cls, examples: Sequence[Example], answers: Sequence[Prediction]) -> list[Judgement]:
        """Set labels beside each other; a wrong one is as wrong as it is probable."""
        judged: list[Judgement] = []
        for example, answer in zip(examples, answers, strict=True):
            expected, found, probability = str(example.label), answer.label, answer.probability
            error = 0.0 if found == expected else probability
            judged.append(Judgement(expected, found, error, probability, ((expected, found),)))
        return judged

    @classmethod
    def collapsed(cls, examples: Sequence[Example], answers: Sequence[Prediction]) -> bool:
        """Whether one label takes 99 % of the answers, and less of the examples."""
        (label, count), *_ = Counter(answer.label for answer in answers).most_common(1)
        share = sum(example.label == label for example in examples) / len(examples)
        return count >= ONE_LABEL * len(answers) and share < ONE_LABEL - SPARE

    @classmethod
    def choices(cls, example: Example, tokens: TokenizedText, target: int, raw: Float32) -> tuple[Float32, Int64]:
        """Return the one choice between labels."""
        del example, tokens
        return raw[None], np.array([target], np.int64)

    @classmethod
    def agree(cls, one: Prediction, other: Prediction) -> bool:
        """Whether both give the same label."""
        return one.label == other.label
