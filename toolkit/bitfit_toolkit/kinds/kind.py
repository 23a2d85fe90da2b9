"""What training and evaluation need to know about a task type."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch.nn.functional import cross_entropy

from bitfit_runtime.tokens import EncodedText
from bitfit_toolkit.errors import TrainingError
from bitfit_toolkit.examples import Example

Float32 = npt.NDArray[np.float32]
IGNORED = -100  # torch's cross-entropy skips this target


class Kind(ABC):
    """One task type, fitted to its training examples.

    `figures` are those of `metrics` that can decide, more being better; the first does unless another is chosen.
    `texts_each` is how many texts an example has. A raw output is what the graph gives: logits `[batch, labels]`,
    token logits `[batch, sequence, labels]` or, for embeddings, `[batch, 2, hidden]`.
    """

    task_type: ClassVar[str]
    figures: ClassVar[tuple[str, ...]]
    texts_each: ClassVar[int] = 1
    labels: tuple[str, ...]
    _weights: torch.Tensor | None = None

    def __init__(self, examples: Sequence[Example]) -> None:
        if not examples:
            raise TrainingError("training needs at least one example, found no examples; check the file")

    @classmethod
    def check(cls, examples: Sequence[Example], known: Sequence[str]) -> None:
        """Raise DataError when an example has a label that is not among `known`."""
        del examples, known  # numbers and places have none

    @classmethod
    def texts(cls, example: Example) -> list[tuple[str, str | None]]:
        """Return the (text, pair) inputs that one example is judged by."""
        return [(example.text, example.text_pair)]

    @abstractmethod
    def target(self, example: Example, text: EncodedText) -> Any:
        """Return what the raw output for `text` should become: a number, or a list with an element a label or token."""

    def stack(self, targets: Sequence[Any], width: int) -> torch.Tensor:  # noqa: ARG002 - token kinds need it
        """Return the targets of a batch as one tensor; `width` is the padded number of tokens."""
        return torch.tensor(targets)

    def balance(self, targets: Sequence[Any]) -> None:
        """Make the loss weigh each class by its rarity among the targets. Raises TrainingError where none are."""
        raise TrainingError(f"{self.task_type} has no classes to weigh, in {len(targets)} examples")

    def weights(self, like: torch.Tensor) -> torch.Tensor | None:
        """Return the classes' weights on the device of `like`, None where they count alike."""
        return None if self._weights is None else self._weights.to(like.device)

    @abstractmethod
    def loss(self, raw: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Return the mean loss of a batch."""

    def rescale(self, values: Mapping[str, Float32]) -> dict[str, Float32]:
        """Bring a trained pack's tensors to the units of the labels."""
        return dict(values)

    @classmethod
    @abstractmethod
    def metrics(cls, examples: Sequence[Example], answers: Sequence[Any]) -> dict[str, float]:
        """Compare the engine's answers with the examples' labels; an embedding's answer is a list of two."""

    @classmethod
    def same(cls, one: Any, other: Any) -> bool | None:
        """Whether two answers agree; None where answers are numbers, which hardly ever agree to the last place."""
        del one, other
        return None


def rarity(classes: Sequence[int], count: int) -> torch.Tensor:
    """Return all / (count × occurrences) for each of `count` classes (King and Zeng, 2001), as scikit-learn does."""
    occurrences = torch.bincount(torch.tensor(classes), minlength=count)
    return len(classes) / (count * occurrences.clamp(min=1).float())


def weighted_entropy(raw: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor | None) -> torch.Tensor:
    """Return the cross-entropy of logits `[n, classes]`, times the target's weight, averaged over targets not IGNORED.

    torch's own mean divides by the weights of the batch, which cancels them where a batch holds one class. Without any
    target (every answer of a batch was cut away, say) the loss is 0, not NaN.
    """
    losses = cross_entropy(raw.float(), targets, weights, ignore_index=IGNORED, reduction="none")
    return losses.sum() / (targets != IGNORED).sum().clamp(min=1)
