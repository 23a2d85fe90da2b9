"""Regression: a number for each text or pair."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from bitfit_runtime.graph import HEAD_BIAS, HEAD_WEIGHT
from bitfit_runtime.tasks.regression import REGRESSION, Score
from bitfit_runtime.tokenized_text import TokenizedText
from bitfit_toolkit.tasks.base import Cells, Example, Float32, TrainableTask
from bitfit_toolkit.tasks.judgement import Judgement
from bitfit_toolkit.tasks.numbers import correlations, number, numbers, read_number

if TYPE_CHECKING:
    import torch


class Regression(TrainableTask[list[float], Score]):
    """A number. Training sees it with mean 0 and deviation 1; the pack gives it in its own units."""

    task_type = REGRESSION
    metric_names = ("pearson", "spearman")
    labels = ("score",)

    def __init__(self, examples: Sequence[Example]) -> None:
        super().__init__(examples)
        values = numbers(examples)
        self._mean, self._deviation = float(values.mean()), float(values.std()) or 1.0

    @classmethod
    def read(cls, cells: Cells) -> Example:
        """Read a number."""
        return read_number(cells)

    def target(self, example: Example, tokens: TokenizedText) -> list[float]:
        """Return the standardized number."""
        del tokens
        return [(number(example) - self._mean) / self._deviation]

    def stack(self, targets: Sequence[list[float]], width: int) -> npt.NDArray[np.float32]:
        """Return targets `[batch, 1]`."""
        del width
        return np.array(targets, np.float32)

    def loss(self, raw: "torch.Tensor", targets: "torch.Tensor") -> "torch.Tensor":
        """Return the mean squared error."""
        from torch.nn.functional import mse_loss

        return mse_loss(raw.float(), targets)

    def rescale(self, values: Mapping[str, Float32]) -> dict[str, Float32]:
        """Put mean and deviation into the head."""
        scaled = dict(values)
        scaled[HEAD_WEIGHT] = values[HEAD_WEIGHT] * np.float32(self._deviation)
        scaled[HEAD_BIAS] = values[HEAD_BIAS] * np.float32(self._deviation) + np.float32(self._mean)
        return scaled

    def unscale(self, values: Mapping[str, Float32]) -> dict[str, Float32]:
        """Take mean and deviation out of the head."""
        scaled = dict(values)
        scaled[HEAD_WEIGHT] = values[HEAD_WEIGHT] / np.float32(self._deviation)
        scaled[HEAD_BIAS] = (values[HEAD_BIAS] - np.float32(self._mean)) / np.float32(self._deviation)
        return scaled

    @classmethod
    def metrics(cls, examples: Sequence[Example], answers: Sequence[Score]) -> dict[str, float]:
        """Return Pearson's and Spearman's correlation and the mean squared error."""
        expected, found = numbers(examples), np.array([answer.value for answer in answers])
        return correlations(expected, found) | {"mse": float(np.square(expected - found).mean())}

    @classmethod
    def judge(cls, examples: Sequence[Example], answers: Sequence[Score]) -> list[Judgement]:
        """Set numbers beside each other; one is as wrong as it is far off."""
        pairs = ((number(example), answer.value) for example, answer in zip(examples, answers, strict=True))
        return [
            Judgement(f"{expected:.4g}", f"{found:.4g}", abs(expected - found), numbers=(expected, found))
            for expected, found in pairs
        ]
