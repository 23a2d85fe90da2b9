"""Embedding: vectors of two texts whose cosine follows a number."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from bitfit_runtime.tasks.embedding import EMBEDDING, Embedding
from bitfit_runtime.tokenized_text import TokenizedText
from bitfit_toolkit.errors import DataError
from bitfit_toolkit.tasks.base import Cells, Example, TrainableTask
from bitfit_toolkit.tasks.judgement import Judgement
from bitfit_toolkit.tasks.numbers import Float64, correlations, number, numbers, read_number

if TYPE_CHECKING:
    import torch


class Similarity(TrainableTask[float, Sequence[Embedding]]):
    """Vectors of two texts whose cosine follows a number; only biases learn."""

    task_type = EMBEDDING
    metric_names = ("spearman", "pearson")
    texts_per_example = 2
    labels = ()

    def __init__(self, examples: Sequence[Example]) -> None:
        super().__init__(examples)
        values = numbers(examples)
        self._least, self._range = float(values.min()), float(np.ptp(values)) or 1.0

    @classmethod
    def read(cls, cells: Cells) -> Example:
        """Read a number: how similar the two texts are."""
        return read_number(cells)

    @classmethod
    def inputs(cls, example: Example) -> list[tuple[str, str | None]]:
        """Return both texts, each on its own. Raises DataError when there is only one."""
        if example.text_pair is None:
            raise DataError("an embedding is trained on pairs of texts; give a text_pair column")
        return [(example.text, None), (example.text_pair, None)]

    def target(self, example: Example, tokens: TokenizedText) -> float:
        """Return the number, brought to 0 … 1."""
        del tokens
        return (number(example) - self._least) / self._range

    def stack(self, targets: Sequence[float], width: int) -> npt.NDArray[np.float32]:
        """Return targets `[batch]`."""
        del width
        return np.array(targets, np.float32)

    def loss(self, raw: "torch.Tensor", targets: "torch.Tensor") -> "torch.Tensor":
        """Return the mean squared error of the cosine of `raw [batch, 2, hidden]`."""
        from torch.nn.functional import cosine_similarity, mse_loss

        return mse_loss(cosine_similarity(raw[:, 0].float(), raw[:, 1].float()), targets)

    @classmethod
    def metrics(cls, examples: Sequence[Example], answers: Sequence[Sequence[Embedding]]) -> dict[str, float]:
        """Return Pearson's and Spearman's correlation of the cosine with the numbers."""
        return correlations(numbers(examples), _cosines(answers))

    @classmethod
    def judge(cls, examples: Sequence[Example], answers: Sequence[Sequence[Embedding]]) -> list[Judgement]:
        """Set numbers beside cosines; a pair is as wrong as its rank among the pairs, 0 to 1, is far off."""
        from scipy.stats import rankdata

        values, cosines = numbers(examples), _cosines(answers)
        off = np.abs(rankdata(values) - rankdata(cosines)) / max(1, len(values) - 1)
        rows = zip(values, cosines, off.tolist(), strict=True)
        return [
            Judgement(f"{value:.4g}", f"cosine {cosine:.3f}", error, numbers=(value, cosine))
            for value, cosine, error in rows
        ]


def _cosines(answers: Sequence[Sequence[Embedding]]) -> Float64:
    """Return the cosine of each pair of vectors `[pairs]`, 0 where one has no length."""
    one, two = (np.stack([pair[i].vector for pair in answers]).astype(np.float64) for i in (0, 1))
    norms = np.linalg.norm(one, axis=1) * np.linalg.norm(two, axis=1)
    cosines: Float64 = (one * two).sum(1) / np.where(norms > 0, norms, 1)
    return cosines
