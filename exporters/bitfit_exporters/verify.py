"""What an export proves about the graph that it wrote."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import onnxruntime as ort
import torch

from bitfit_exporters.checkpoint import Checkpoint
from bitfit_exporters.errors import VerificationError
from bitfit_exporters.pooling import pool
from bitfit_runtime.batching import batch_feeds
from bitfit_runtime.formats.manifest import Manifest, SelfTest
from bitfit_runtime.graph import ATTENTION_MASK, HEAD_BIAS, HEAD_WEIGHT, INPUT_IDS, OUTPUTS, POOLED
from bitfit_runtime.pack_cache import DecodedPack
from bitfit_runtime.self_test import biases_with_deltas, ignored_biases, relative_distance
from bitfit_runtime.tokenizer import TokenizedText, Tokenizer, collate

Float32 = npt.NDArray[np.float32]
# Largest accepted distance from torch, relative L2 of the pooled vectors. The float graph differs by rounding alone.
PARITY = {"fp32": 1e-4, "int8": 0.25, "int4": 0.6}
# Rounding alone may part fp32 rows, whose matrix products are not integers.
ROW_TOLERANCE = {"fp32": 1e-4, "int8": 0.0, "int4": 0.0}
SELF_TEST_AMPLITUDE = 1.0
SELF_TEST_TOLERANCE = 0.25
SELF_TEST_TOKENS = 6
SENTENCES = (
    "The parcel came a day early.",
    "Why was I charged twice for one ticket, and who can give me the money back before Friday?",
    "no",
    "Our team moved the meeting to the small room on the third floor because the projector there works.",
    "It rained, so we stayed in and cooked.",
)


@dataclass(frozen=True, slots=True)
class Verified:
    """Measured errors over the texts: distances of `pooled` from torch, largest difference of a row in other company.

    `parity_error` is the largest relative L2 distance, `parity_mean` their mean, `cosine_error` the mean of 1 − cosine.
    """

    parity_error: float
    parity_mean: float
    cosine_error: float
    row_error: float


def golden(
    session: ort.InferenceSession, manifest: Manifest, defaults: Mapping[str, Float32], text: TokenizedText
) -> SelfTest:
    """Compute the vectors of the load-time self-test. Raises VerificationError when moved biases move too little."""
    ids = tuple(text.encoding.ids[:SELF_TEST_TOKENS])
    moved = biases_with_deltas(manifest, defaults, SELF_TEST_AMPLITUDE)
    feeds: dict[str, npt.NDArray[np.generic]] = {
        name: np.stack([defaults[name], moved[name]])[:, None] for name in moved
    }
    row = np.tile(np.asarray(ids, np.int64), (2, 1))
    tokens = {name: np.zeros_like(row) for name in manifest.inputs} | {
        INPUT_IDS: row,
        ATTENTION_MASK: np.ones_like(row),
    }
    pooled: Float32 = session.run([POOLED], {**tokens, **feeds})[0]
    if relative_distance(pooled[1], pooled[0]) < 2 * SELF_TEST_TOLERANCE:
        raise VerificationError("moving every bias hardly moves the answer; the graph ignores its bias inputs")
    return SelfTest(ids, SELF_TEST_AMPLITUDE, SELF_TEST_TOLERANCE, (_floats(pooled[0]), _floats(pooled[1])))


def verify(
    session: ort.InferenceSession, manifest: Manifest, defaults: Mapping[str, Float32], checkpoint: Checkpoint
) -> Verified:
    """Check parity with torch, the effect of every bias input, and that rows do not feel their company.

    Raises VerificationError, naming the check and the figures.
    """
    texts = Tokenizer(checkpoint.tokenizer).tokenize(
        [(s, None) for s in SENTENCES], [manifest.max_length] * len(SENTENCES)
    )
    found, expected = pooled_vectors(session, manifest, checkpoint, texts)
    distances = [relative_distance(one, other) for one, other in zip(found, expected, strict=True)]
    worst = float(np.max(distances))  # which, unlike max, keeps what is not a number
    if not worst <= PARITY[manifest.precision]:
        raise VerificationError(
            f"the {manifest.precision} graph is {worst:.4f} away from torch, "
            f"at most {PARITY[manifest.precision]} is accepted"
        )
    ignored = ignored_biases(session, manifest, defaults)
    if ignored:
        raise VerificationError(f"{len(ignored)} bias inputs do not move the output, {ignored[0]} first")
    error = row_error(session, manifest, defaults, texts)
    if not error <= ROW_TOLERANCE[manifest.precision]:
        raise VerificationError(f"a row's answer changes by {error:.2e} with its batch-mates, order or padding")
    cosines = (found * expected).sum(1) / np.linalg.norm(found, axis=1) / np.linalg.norm(expected, axis=1)
    return Verified(worst, float(np.mean(distances)), float(1 - cosines.mean()), error)


def pooled_vectors(
    session: ort.InferenceSession, manifest: Manifest, checkpoint: Checkpoint, texts: list[TokenizedText]
) -> tuple[Float32, Float32]:
    """Return the graph's and torch's `pooled` `[texts, hidden]` with default biases."""
    tokens = collate(texts, manifest.inputs, manifest.pad_token_id)
    pooled: Float32 = session.run([POOLED], tokens)[0]
    with torch.no_grad():
        output = checkpoint.model(**{name: torch.from_numpy(array) for name, array in tokens.items()})
    expected: Float32 = pool(output, torch.from_numpy(tokens[ATTENTION_MASK]), manifest.pooling).numpy()
    return pooled, expected


def row_error(
    session: ort.InferenceSession, manifest: Manifest, defaults: Mapping[str, Float32], texts: list[TokenizedText]
) -> float:
    """Largest difference of any output between a row alone and the same row in company.

    Every row has its own biases and its own number of labels; the company is the whole batch in order, the batch in
    reverse with more padding, and no company but padding.
    """
    generator = np.random.default_rng(0)
    residents = [_random_resident(generator, manifest, defaults, labels) for labels in (2, 1, 5, 17, 3)]
    arrays = {name: bias[None, None] for name, bias in defaults.items()}

    def run(rows: list[int], padding: int) -> dict[int, list[Float32]]:
        tokens = collate([texts[row] for row in rows], manifest.inputs, manifest.pad_token_id)
        fill = {INPUT_IDS: manifest.pad_token_id}
        padded = {
            name: np.pad(array, ((0, 0), (0, padding)), constant_values=fill.get(name, 0))
            for name, array in tokens.items()
        }
        feeds = batch_feeds([residents[row] for row in rows], arrays)
        logits, token_logits, hidden, pooled = session.run(list(OUTPUTS), {**padded, **feeds})
        found = {}
        for place, row in enumerate(rows):
            length, labels = len(texts[row]), residents[row].head[HEAD_BIAS].shape[2]
            token_rows = token_logits[place, :length, :labels]
            found[row] = [logits[place, :labels], token_rows, hidden[place, :length], pooled[place]]
        return found

    everyone = list(range(len(texts)))
    runs = [{row: run([row], 0)[row] for row in everyone}, run(everyone, 0), run(everyone[::-1], 7)]
    runs.append({row: run([row], 3 + row)[row] for row in everyone})
    differences = [
        np.abs(a - b).max()
        for one, other in pairwise(runs)
        for row in everyone
        for a, b in zip(one[row], other[row], strict=True)
    ]
    return float(np.max(differences))


def _random_resident(
    generator: np.random.Generator, manifest: Manifest, defaults: Mapping[str, Float32], labels: int
) -> DecodedPack:
    def noise(*shape: int) -> Float32:
        return (0.1 * generator.standard_normal(shape)).astype(np.float32)

    biases = {name: (bias + noise(bias.size))[None, None] for name, bias in defaults.items()}
    head = {HEAD_WEIGHT: noise(1, manifest.hidden_size, labels), HEAD_BIAS: noise(1, 1, labels)}
    return DecodedPack(biases, head)


def _floats(vector: Float32) -> tuple[float, ...]:
    return tuple(vector.astype(np.float64).tolist())
