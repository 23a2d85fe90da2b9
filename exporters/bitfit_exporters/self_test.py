"""Self-test of a base: the vectors that the manifest gives, with which a machine compares its own."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from bitfit_exporters.checkpoint import Checkpoint
from bitfit_exporters.errors import VerificationError
from bitfit_exporters.manifest import bias_specs
from bitfit_exporters.parity import sentences
from bitfit_runtime.formats import SelfTest
from bitfit_runtime.graph import ATTENTION_MASK, INPUT_IDS, POOLED
from bitfit_runtime.padding import Padding, pad_tokens
from bitfit_runtime.self_test import biases_with_deltas, relative_distance

Float32 = npt.NDArray[np.float32]
AMPLITUDE = 1.0
TOLERANCE = 0.25
TOKENS = 6


def measure_self_test(
    session: ort.InferenceSession, checkpoint: Checkpoint, defaults: Mapping[str, Float32]
) -> SelfTest:
    """Compute the vectors: `pooled` of the first tokens of a sentence with default biases, and with deltas on all.

    `defaults` holds the default biases `[n]` by name. Raises VerificationError when the two hardly differ, so that no
    machine could tell a graph that ignores its bias inputs.
    """
    ids = tuple(sentences(checkpoint)[0].ids[:TOKENS].tolist())
    with_deltas = biases_with_deltas(bias_specs(checkpoint.family, defaults), defaults, AMPLITUDE)
    feeds = {name: np.stack([defaults[name], bias])[:, None] for name, bias in with_deltas.items()}
    rows = np.tile(np.asarray(ids, np.int64), (2, 1))
    tokens = {name: np.zeros_like(rows) for name in checkpoint.inputs} | {
        INPUT_IDS: rows,
        ATTENTION_MASK: np.ones_like(rows),
    }
    width = Padding.of_machine(checkpoint.max_length).width(len(ids))
    padded = pad_tokens(tokens, width, checkpoint.pad_token_id)
    default, changed = session.run([POOLED], {**padded, **feeds})[0]
    if relative_distance(changed, default) < 2 * TOLERANCE:
        raise VerificationError("deltas on all biases hardly change the answer; the graph ignores its bias inputs")
    return SelfTest(ids, AMPLITUDE, TOLERANCE, (_floats(default), _floats(changed)))


def _floats(vector: Float32) -> tuple[float, ...]:
    return tuple(vector.astype(np.float64).tolist())
