"""Padding: to which width a row is padded, so that its bits do not depend on its company.

Where ONNX Runtime's softmax adds terms in vectors of four and what is left over one by one (ARM, and x86 without AVX2),
the last bit of a row's sum depends on the row's width, unless every width is a multiple of four.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from bitfit_runtime.graph import INPUT_IDS

Int64 = npt.NDArray[np.int64]
# An ONNX graph: y = Softmax(x), over the last axis of two. As bytes for the reason that `session.PROBE` is.
PROBE: Final = (
    b'\x08\x08::\n\x0f\n\x01x\x12\x01y"\x07Softmax\x12\x05probe'
    b"Z\x0f\n\x01x\x12\n\n\x08\x08\x01\x12\x04\n\x00\n\x00b\x0f\n\x01y\x12\n\n\x08\x08\x01\x12\x04\n\x00\n\x00B\x04\n\x00\x10\r"
)
MULTIPLES: Final = (1, 2, 4, 8, 16, 32)
WIDEST: Final = MULTIPLES[-1]


@dataclass(frozen=True, slots=True)
class Padding:
    """Widths are multiples of `multiple`, except that none is above `max_length`, both in tokens."""

    multiple: int
    max_length: int

    @classmethod
    def of_machine(cls, max_length: int) -> "Padding":
        """Return what this machine's kernels need, on a base that takes `max_length` tokens."""
        return cls(padding_multiple(), max_length)

    def width(self, length: int) -> int:
        """Return the least width for a row of `length` tokens: the one it has alone."""
        return min(-(-length // self.multiple) * self.multiple, self.max_length)

    def fits(self, length: int, width: int) -> bool:
        """Whether a row of `length` tokens has the same bits at `width`, another row's least, as alone.

        A `max_length` that is no multiple is a width for the rows that need it, and for no others.
        """
        return width % self.multiple == 0 or width == self.width(length)


def pad_tokens(tokens: Mapping[str, Int64], width: int, pad_token_id: int) -> dict[str, Int64]:
    """Return token inputs `[batch, sequence]` with padding at the end of each row, `width` tokens in all."""
    return {
        name: np.pad(
            array, ((0, 0), (0, width - array.shape[1])), constant_values=pad_token_id if name == INPUT_IDS else 0
        )
        for name, array in tokens.items()
    }


@cache
def padding_multiple() -> int:
    """Return the least multiple for widths at which rows do not depend on them: about a millisecond, once a process.

    Measured are the probabilities of rows of 1 to 32 scores, each at every width that holds it. Other widths change
    about half of the rows, so hundreds of them cannot agree by chance.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(PROBE, options, providers=["CPUExecutionProvider"])
    scores = 2 * np.random.default_rng(0).standard_normal((WIDEST, WIDEST)).astype(np.float32)
    scores[np.triu_indices(WIDEST, 1)] = np.finfo(np.float32).min  # row i has i + 1 scores, then padding
    expected = session.run(None, {"x": scores})[0]
    differ = [
        width
        for width in range(1, WIDEST)
        if not np.array_equal(session.run(None, {"x": scores[:width, :width].copy()})[0], expected[:width, :width])
    ]
    return next(multiple for multiple in MULTIPLES if all(width % multiple for width in differ))
