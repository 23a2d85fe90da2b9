"""Independence of rows: what a row answers does not depend on the other rows of its batch."""

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from bitfit_exporters.checkpoint import Checkpoint
from bitfit_exporters.parity import sentences
from bitfit_runtime.batching import batch_feeds
from bitfit_runtime.graph import HEAD_BIAS, HEAD_WEIGHT, OUTPUTS
from bitfit_runtime.pack_cache import DecodedPack
from bitfit_runtime.padding import Padding
from bitfit_runtime.tokenizer import collate

Float32 = npt.NDArray[np.float32]
LABELS = (2, 1, 5, 17, 3)  # of the rows' packs
# Rounding alone may part fp32 rows, whose matrix products are not integers.
ROW_TOLERANCE = {"fp32": 1e-4, "int8": 0.0, "int4": 0.0}


def measure_row_error(session: ort.InferenceSession, checkpoint: Checkpoint, defaults: Mapping[str, Float32]) -> float:
    """Return the largest difference of any output between a row alone and the same row in other company.

    Every row has its own biases and its own number of labels; the company is the whole batch in order, the batch in
    reverse with more padding, and no company but padding. `defaults` holds the default biases `[n]` by name.
    """
    rows = _Rows(session, checkpoint, defaults)
    everyone = list(range(len(LABELS)))
    runs = [
        {row: rows.run([row], padding=0)[row] for row in everyone},
        rows.run(everyone, padding=0),
        rows.run(everyone[::-1], padding=7),
        {row: rows.run([row], padding=3 + row)[row] for row in everyone},
    ]
    differences = [
        np.abs(a - b).max()
        for one, other in pairwise(runs)
        for row in everyone
        for a, b in zip(one[row], other[row], strict=True)
    ]
    return float(np.max(differences))  # which, unlike max, keeps what is not a number


class _Rows:
    """Texts with a random pack for each, and a session that runs some of them together."""

    def __init__(self, session: ort.InferenceSession, checkpoint: Checkpoint, defaults: Mapping[str, Float32]) -> None:
        generator = np.random.default_rng(0)
        self._session, self._checkpoint = session, checkpoint
        self._padding = Padding.of_machine(checkpoint.max_length)
        self._texts = sentences(checkpoint)
        self._packs = [
            _random_pack(generator, checkpoint.hidden_size, defaults, labels)
            for _, labels in zip(self._texts, LABELS, strict=True)
        ]
        self._defaults = {name: bias[None, None] for name, bias in defaults.items()}

    def run(self, rows: list[int], padding: int) -> dict[int, list[Float32]]:
        """Return the outputs of each row, without padding of any axis, run together with `padding` more tokens.

        As in an engine, the width is what this machine needs, at most `max_length`, and rows that it would change run
        alone.
        """
        longest = max(len(self._texts[row]) for row in rows)
        width = self._padding.width(min(longest + padding, self._checkpoint.max_length))
        together = [row for row in rows if self._padding.fits(len(self._texts[row]), width)]
        found = self._run_at(together, width) if together else {}
        for row in rows:
            if row not in found:
                found |= self._run_at([row], self._padding.width(len(self._texts[row])))
        return found

    def _run_at(self, rows: list[int], width: int) -> dict[int, list[Float32]]:
        checkpoint = self._checkpoint
        tokens = collate([self._texts[row] for row in rows], checkpoint.inputs, checkpoint.pad_token_id, width)
        feeds = batch_feeds([self._packs[row] for row in rows], self._defaults)
        logits, token_logits, hidden, pooled = self._session.run(list(OUTPUTS), {**tokens, **feeds})
        found = {}
        for index, row in enumerate(rows):
            length, labels = len(self._texts[row]), LABELS[row]
            token_rows = token_logits[index, :length, :labels]
            found[row] = [logits[index, :labels], token_rows, hidden[index, :length], pooled[index]]
        return found


def _random_pack(
    generator: np.random.Generator, hidden_size: int, defaults: Mapping[str, Float32], labels: int
) -> DecodedPack:
    def noise(*shape: int) -> Float32:
        return (0.1 * generator.standard_normal(shape)).astype(np.float32)

    biases = {name: (bias + noise(bias.size))[None, None] for name, bias in defaults.items()}
    head = {HEAD_WEIGHT: noise(1, hidden_size, labels), HEAD_BIAS: noise(1, 1, labels)}
    return DecodedPack(biases, head)
