"""Task types as training and evaluation see them: columns, labels, targets, loss and metrics.

Torch and scikit-learn are imported where a loss or a metric is computed: files of examples are read without them.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from bitfit_runtime.tasks import TaskType
from bitfit_runtime.tokenized_text import TokenizedText
from bitfit_toolkit.errors import DataError, TrainingError
from bitfit_toolkit.tasks.judgement import Judgement

if TYPE_CHECKING:
    import torch

Float32 = npt.NDArray[np.float32]
Int64 = npt.NDArray[np.int64]
# White space of Python's `str.strip`, and marks that are not seen: of byte order, and spaces without width.
INVISIBLE = "".join(c for c in map(chr, range(0x3001)) if c.isspace()) + "\ufeff\u200b\u200c\u200d\u2060"
IGNORED = -100  # torch's cross-entropy skips this target
CONTINUED = -101  # of a token that speaks with those before it, for one word
Target = TypeVar("Target")
AnswerT = TypeVar("AnswerT")


@dataclass(frozen=True, slots=True)
class Mark:
    """Characters `start` to `end` (exclusive) of a text, and what they are."""

    label: str
    start: int
    end: int


Label: TypeAlias = str | float | tuple[str, ...] | tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class Example:
    """One text, or one pair of texts, with its label; `task` where a file names a task for each row.

    `label` is a string (classification), a tuple of strings (multi-label), a number (regression, embedding) or a tuple
    of marks (token classification: the entities; span: the accepted answers).
    """

    text: str
    text_pair: str | None = None
    label: Label | None = None
    task: str | None = None


@dataclass(frozen=True, slots=True)
class Cells:
    """One row of a table before it is checked; None where there is no such column. `where` names the row in errors."""

    where: str
    text: object
    text_pair: object = None
    label: object = None
    task: object = None

    def example(self, label: Label | None) -> Example:
        """Return the row as an example. Raises DataError where a text is not a string."""
        return Example(self._string("text", self.text), self._pair(), label, self._task())

    def name(self, value: object) -> str:
        """Return a label as a string: one, a whole number, a number or a truth value. Raises DataError on others."""
        if isinstance(value, str):
            found = self._string("label", value)
        elif isinstance(value, (bool, int)) or (isinstance(value, float) and math.isfinite(value)):
            found = str(value)
        elif value is None:
            found = ""
        else:
            raise DataError(f"{self.where}: the label should be a string, found {type(value).__name__}; fix that row")
        if not tidy(found):
            raise DataError(f"{self.where}: the label is missing; give every example one")
        return found

    def _pair(self) -> str | None:
        return None if self.text_pair is None else self._string("text_pair", self.text_pair)

    def _task(self) -> str | None:
        if self.task is None or isinstance(self.task, (bool, int)):
            return None if self.task is None else str(self.task)
        return self._string("task", self.task)

    def _string(self, name: str, value: object) -> str:
        if value is None:
            raise DataError(f"{self.where}: the {name} is missing; fill it in, or leave the row out")
        if not isinstance(value, str):
            raise DataError(f"{self.where}: {name} should be a string, found {type(value).__name__}; fix that row")
        if not (value.isascii() or is_unicode(value)):
            raise DataError(f"{self.where}: {name} is not valid Unicode (half of a surrogate pair); fix that row")
        return value


def is_unicode(text: str) -> bool:
    """Whether a string has no half of a surrogate pair, which no tokenizer takes."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


@lru_cache(maxsize=1 << 16)
def tidy(label: str) -> str:
    """Return a label without white space around it, nor the marks of no width that look like none."""
    return label.strip(INVISIBLE)


class TrainableTask(ABC, Generic[Target, AnswerT]):
    """One task type, fitted to its training examples: it knows their labels and how to scale their numbers.

    `columns` are the usual names of the columns by role, the likeliest first. `metric_names` are those of `metrics`
    that can decide, more being better; the first does unless another is chosen. `texts_per_example` texts are answered
    for each example, and `several_labels` says whether one may have more than one label. A raw output is what the graph
    gives: logits `[batch, labels]`, token logits `[batch, sequence, labels]` or, for embeddings, `[batch, 2, hidden]`.
    `transitions [labels + 1, labels]` are scores of a tag after another, where the task has tags and has counted them.
    `words` are as in `PackInfo`.
    """

    task_type: ClassVar[TaskType]
    columns: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "text": ("text", "sentence", "sentence1", "question", "question1", "utterance", "tokens", "words"),
        "text_pair": ("text_pair", "sentence2", "question2", "context"),
        "label": ("label", "labels", "category", "intent", "class", "score"),
        "task": ("task",),
    }
    metric_names: ClassVar[tuple[str, ...]]
    texts_per_example: ClassVar[int] = 1
    several_labels: ClassVar[bool] = False
    labels: tuple[str, ...]
    class_weights: Float32 | None = None
    transitions: npt.NDArray[np.float16] | None = None
    words: str | None = None

    def __init__(self, examples: Sequence[Example]) -> None:
        if not examples:
            raise TrainingError("training needs at least one example, found none; check the file")

    @classmethod
    @abstractmethod
    def read(cls, cells: Cells) -> Example:
        """Return a row of a table as an example. Raises DataError, naming the row."""

    @classmethod
    def read_rows(cls, rows: Sequence[Cells]) -> tuple[list[Example], list[str]]:
        """Return a table's rows as examples, and notes on how they were read. Raises DataError, naming the row."""
        return [cls.read(cells) for cells in rows], []

    @classmethod
    def take(cls, cells: Cells) -> Example:
        """Return an example that a program made, of whose label a tuple is a list here. Raises DataError, naming it."""
        return cls.read(cells)

    @classmethod
    def lost(cls, example: Example, target: Target) -> int:
        """Return how much of an example's label `target` no longer holds, because the text was cut."""
        del example, target
        return 0

    @classmethod
    def label_size(cls, example: Example) -> int:
        """Return how much of an example's label could be lost: its entities or answers; 0 of other labels."""
        del example
        return 0

    @classmethod
    def check_labels(cls, examples: Sequence[Example], known: Sequence[str]) -> None:
        """Raise DataError when an example has a label that is not among `known`."""
        del examples, known  # numbers and spans have none

    @classmethod
    def inputs(cls, example: Example) -> list[tuple[str, str | None]]:
        """Return the (text, pair) inputs that one example is answered for, `texts_per_example` of them."""
        return [(example.text, example.text_pair)]

    @abstractmethod
    def target(self, example: Example, tokens: TokenizedText) -> Target:
        """Return what the raw output for `tokens` should become: a number, or a list of one per label or token."""

    @classmethod
    def places(cls, target: Target) -> list[int]:
        """Return the tokens that hold the example's label, where the target is one of tokens."""
        del target
        return []

    @classmethod
    def part(cls, target: Target, tokens: npt.NDArray[np.int64]) -> Target:
        """Return what is left of a target of tokens where only these are seen, in this order."""
        del tokens
        return target

    @abstractmethod
    def stack(self, targets: Sequence[Target], width: int) -> npt.NDArray[Any]:
        """Return the targets of a batch as one array; `width` is the padded number of tokens."""

    def balance(self, targets: Sequence[Target]) -> None:
        """Make the loss weigh each class by its rarity among the targets. Raises TrainingError where there are none."""
        raise TrainingError(f"{self.task_type.name} has no classes to weigh, in {len(targets)} examples")

    def learn_transitions(self, targets: Sequence[Target]) -> None:
        """Score each tag after another as it follows among the targets. Raises TrainingError where there are none."""
        raise TrainingError(f"{self.task_type.name} has no tags that follow each other, in {len(targets)} examples")

    @classmethod
    def has_classes(cls) -> bool:
        """Whether `balance` can weigh classes."""
        return cls.balance is not TrainableTask.balance

    @abstractmethod
    def loss(self, raw: "torch.Tensor", targets: "torch.Tensor") -> "torch.Tensor":
        """Return the mean loss of a batch."""

    def rescale(self, values: Mapping[str, Float32]) -> dict[str, Float32]:
        """Bring a trained pack's tensors to the units of the labels."""
        return dict(values)

    def unscale(self, values: Mapping[str, Float32]) -> dict[str, Float32]:
        """Return a pack's tensors in the units of training: what `rescale` turns into them."""
        return dict(values)

    @classmethod
    @abstractmethod
    def metrics(cls, examples: Sequence[Example], answers: Sequence[AnswerT]) -> dict[str, float]:
        """Compare answers with the examples' labels: the engine's answer, or a list where an example has two texts."""

    @classmethod
    @abstractmethod
    def judge(cls, examples: Sequence[Example], answers: Sequence[AnswerT]) -> list[Judgement]:
        """Set each answer beside its example's label."""

    @classmethod
    def collapsed(cls, examples: Sequence[Example], answers: Sequence[AnswerT]) -> bool:
        """Whether the answers to training examples say nothing of them, as those of a run that came apart."""
        return cls.metrics(examples, answers)[cls.metric_names[0]] <= 0

    @classmethod
    def choices(cls, example: Example, tokens: TokenizedText, target: Target, raw: Float32) -> tuple[Float32, Int64]:
        """Return what the raw output for one text chooses between: logits `[choices, classes]`, and what is right.

        There are none where an answer has no probabilities, or nothing is right.
        """
        del example, tokens, target, raw
        return np.zeros((0, 1), np.float32), np.zeros(0, np.int64)

    @classmethod
    def agree(cls, one: AnswerT, other: AnswerT) -> bool | None:
        """Whether two answers agree; None where answers are numbers, which hardly ever agree to the last digit."""
        del one, other
        return None


def marks(example: Example) -> tuple[Mark, ...]:
    """Return an example's marks."""
    return tuple(m for m in example.label if isinstance(m, Mark)) if isinstance(example.label, tuple) else ()


def take_marks(cells: Cells) -> Example:
    """Return an example that a program made, whose label holds marks. Raises DataError where it holds others."""
    label = cells.label
    if not isinstance(label, list) or not all(isinstance(part, Mark) for part in label):
        raise DataError(f"{cells.where}: the label should be a tuple of Mark(label, start, end), found {label!r:.60}")
    return cells.example(tuple(label))


def check_known(found: Iterable[str], known: Sequence[str]) -> None:
    """Raise DataError when a label is not among `known`."""
    unknown = sorted(set(found) - set(known))
    if unknown:
        raise DataError(
            f"{len(unknown)} labels of the evaluation data are unknown to the task, {unknown[0]!r} first; "
            "train with examples of them, or leave those rows out"
        )


def rarity(classes: Sequence[int], count: int) -> Float32:
    """Return all / (count × occurrences) for each of `count` classes (King and Zeng, 2001), as scikit-learn does."""
    occurrences = np.bincount(np.asarray(classes, np.int64), minlength=count)
    expected = np.float32(count) * np.maximum(occurrences, 1).astype(np.float32)
    weights: Float32 = np.float32(len(classes)) * np.reciprocal(expected)  # to the bit as torch divides by a tensor
    return weights
