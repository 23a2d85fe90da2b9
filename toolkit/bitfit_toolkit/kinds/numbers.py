"""Numbers for texts: a score by a head, or the similarity of two vectors."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy.stats import pearsonr, spearmanr
from torch.nn.functional import cosine_similarity, mse_loss

from bitfit_runtime.contract import EMBEDDING, HEAD_BIAS, HEAD_WEIGHT, REGRESSION
from bitfit_runtime.prediction import Embedding, Score
from bitfit_runtime.tokens import EncodedText
from bitfit_toolkit.errors import DataError
from bitfit_toolkit.examples import Example
from bitfit_toolkit.kinds.kind import Float32, Kind

Float64 = npt.NDArray[np.float64]


class Regression(Kind):
    """A number. Training sees it with mean 0 and deviation 1; the pack gives it in its own units."""

    task_type = REGRESSION
    figures = ("pearson", "spearman")
    labels = ("score",)

    def __init__(self, examples: Sequence[Example]) -> None:
        super().__init__(examples)
        values = _numbers(examples)
        self._mean, self._deviation = float(values.mean()), float(values.std()) or 1.0

    def target(self, example: Example, text: EncodedText) -> list[float]:
        """Return the standardized number."""
        del text
        return [(_number(example) - self._mean) / self._deviation]

    def loss(self, raw: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Return the mean squared error."""
        return mse_loss(raw.float(), targets)

    def rescale(self, values: Mapping[str, Float32]) -> dict[str, Float32]:
        """Put mean and deviation into the head."""
        scaled = dict(values)
        scaled[HEAD_WEIGHT] = values[HEAD_WEIGHT] * np.float32(self._deviation)
        scaled[HEAD_BIAS] = values[HEAD_BIAS] * np.float32(self._deviation) + np.float32(self._mean)
        return scaled

    @classmethod
    def metrics(cls, examples: Sequence[Example], answers: Sequence[Score]) -> dict[str, float]:
        """Return Pearson's and Spearman's correlation and the mean squared error."""
        expected, found = _numbers(examples), np.array([answer.value for answer in answers])
        return _correlations(expected, found) | {"mse": float(np.square(expected - found).mean())}


class Similarity(Kind):
    """Vectors of two texts whose cosine follows a number; only biases learn."""

    task_type = EMBEDDING
    figures = ("spearman", "pearson")
    texts_each = 2
    labels = ()

    def __init__(self, examples: Sequence[Example]) -> None:
        super().__init__(examples)
        values = _numbers(examples)
        self._least, self._range = float(values.min()), float(np.ptp(values)) or 1.0

    @classmethod
    def texts(cls, example: Example) -> list[tuple[str, str | None]]:
        """Return both texts, each on its own. Raises DataError when there is but one."""
        if example.text_pair is None:
            raise DataError("an embedding is trained on pairs of texts; give a text_pair column")
        return [(example.text, None), (example.text_pair, None)]

    def target(self, example: Example, text: EncodedText) -> float:
        """Return the number, brought to 0 … 1."""
        del text
        return (_number(example) - self._least) / self._range

    def loss(self, raw: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Return the mean squared error of the cosine of `raw [batch, 2, hidden]`."""
        return mse_loss(cosine_similarity(raw[:, 0].float(), raw[:, 1].float()), targets)

    @classmethod
    def metrics(cls, examples: Sequence[Example], answers: Sequence[Sequence[Embedding]]) -> dict[str, float]:
        """Return Pearson's and Spearman's correlation of the cosine with the numbers."""
        one, two = (np.stack([pair[i].vector for pair in answers]).astype(np.float64) for i in (0, 1))
        norms = np.linalg.norm(one, axis=1) * np.linalg.norm(two, axis=1)
        return _correlations(_numbers(examples), (one * two).sum(1) / norms)


def _number(example: Example) -> float:
    if not isinstance(example.label, (int, float)):
        raise DataError(f"the label of {example.text[:40]!r} should be a number, found {example.label!r}")
    return float(example.label)


def _numbers(examples: Sequence[Example]) -> Float64:
    return np.array([_number(example) for example in examples])


def _correlations(expected: Float64, found: Float64) -> dict[str, float]:
    """Correlations, 0 where one side does not vary."""
    if len(expected) < 2 or np.ptp(expected) == 0 or np.ptp(found) == 0:
        return {"pearson": 0.0, "spearman": 0.0}
    pearson: Any = pearsonr(expected, found)
    spearman: Any = spearmanr(expected, found)
    return {"pearson": float(pearson.statistic), "spearman": float(spearman.statistic)}
