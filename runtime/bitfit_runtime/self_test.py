"""The self-test: when a base is loaded, this machine's kernels must honour the bias inputs.

Some execution providers ignore inputs that have defaults, and some graph fusions bake a default in. Both would silently
answer every task with the base's own biases.
"""

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from bitfit_runtime.errors import InferenceError, SelfTestError
from bitfit_runtime.formats import BiasSpec, Manifest
from bitfit_runtime.graph import ATTENTION_MASK, HEAD_WEIGHT, INPUT_IDS, LOGITS, POOLED, TOKEN_LOGITS, TOKEN_TYPE_IDS
from bitfit_runtime.padding import Padding, pad_tokens
from bitfit_runtime.session import run_session

Float32 = npt.NDArray[np.float32]
Int64 = npt.NDArray[np.int64]
# Large enough that even a key bias shows: it shifts a whole row of attention scores, which softmax cancels except for
# the rounding that large scores bring.
EFFECT_AMPLITUDE = {"dynamic": 2.0**20, "static": 2.0**24}  # constants round small effects away
# Of a fingerprint: registers of 4, 8 and 16 numbers are filled, and something is left over of each.
MANY_TOKENS, MANY_LABELS = 61, 19


def biases_with_deltas(
    biases: Sequence[BiasSpec], defaults: Mapping[str, Float32], amplitude: float
) -> dict[str, Float32]:
    """Return every bias `[n]` with the delta `amplitude * (-1)**(i + j)`, at index `j` of bias `i`."""
    return {
        spec.name: defaults[spec.name]
        + np.float32(amplitude) * (1 - 2 * ((index + np.arange(spec.size)) % 2)).astype(np.float32)
        for index, spec in enumerate(biases)
    }


def kernel_fingerprint(session: ort.InferenceSession, manifest: Manifest, defaults: Mapping[str, Float32]) -> str:
    """Return 16 hexadecimal digits of a hash of what this machine's kernels compute.

    Hashed are all outputs that tasks read, under a head of many labels, for the self-test's input and for a long one
    made of it, and the multiple of widths where that is not 1: kernels that agree on few numbers, which fill no vector
    register, may sum many in another order. Engines on a base that have the same fingerprint answer alike to the bit.
    Raises SelfTestError.
    """
    places = 5 * np.arange(manifest.hidden_size)[:, None] + 3 * np.arange(MANY_LABELS)
    head = ((places % 7 - 3) / 4).astype(np.float32)[None]
    feeds = _golden_feeds(manifest, defaults) | {HEAD_WEIGHT: head}
    short = np.asarray(manifest.self_test.input_ids, np.int64)
    hashed = b""
    for ids in (short, np.resize(short, min(MANY_TOKENS, manifest.max_length))):
        pooled, logits, token_logits = _outputs(session, manifest, feeds, 2, [POOLED, LOGITS, TOKEN_LOGITS], ids)
        hashed += b"".join(found.tobytes() for found in (pooled, logits, token_logits[:, : len(ids)]))
    multiple = Padding.of_machine(manifest.max_length).multiple
    if multiple != 1:
        hashed += multiple.to_bytes(4, "little")
    return hashlib.sha256(hashed).hexdigest()[:16]


def quick_test(session: ort.InferenceSession, manifest: Manifest, defaults: Mapping[str, Float32]) -> None:
    """Compare `pooled` with the manifest's vectors: one row with default biases, one with deltas on all.

    Raises SelfTestError when a row is farther off than the manifest's tolerance.
    """
    golden = manifest.self_test
    pooled = _outputs(session, manifest, _golden_feeds(manifest, defaults), 2, [POOLED])[0]
    for row, (found, expected) in enumerate(zip(pooled, np.asarray(golden.pooled, np.float32), strict=True)):
        distance = relative_distance(found, expected)
        if not distance <= golden.tolerance:
            raise SelfTestError(
                f"{manifest.name}: with {'default' if row == 0 else 'changed'} biases the answer is {distance:.3f} off "
                f"the exported one, at most {golden.tolerance} is accepted; this build of onnxruntime ignores "
                "the graph's bias inputs, or its kernels saturate: use another version or provider"
            )


def full_test(session: ort.InferenceSession, manifest: Manifest, defaults: Mapping[str, Float32]) -> None:
    """Run `quick_test`, then check that each bias input changes the answer. Raises SelfTestError, naming one."""
    quick_test(session, manifest, defaults)
    ignored = ignored_biases(session, manifest, defaults)
    if ignored:
        raise SelfTestError(
            f"{manifest.name}: onnxruntime {ort.__version__} ignores {len(ignored)} bias inputs, {ignored[0]} first; "
            "use another version or provider"
        )


def ignored_biases(session: ort.InferenceSession, manifest: Manifest, defaults: Mapping[str, Float32]) -> list[str]:
    """Return the bias inputs that do not change `pooled`: one run, in which row `i` has a delta on bias `i` alone."""
    moved = biases_with_deltas(manifest.biases, defaults, EFFECT_AMPLITUDE[manifest.activations])
    rows = len(manifest.biases) + 1
    feeds = {}
    for index, spec in enumerate(manifest.biases):
        feed = np.repeat(defaults[spec.name][None, None], rows, axis=0)
        feed[index, 0] = moved[spec.name]
        feeds[spec.name] = feed
    pooled = _outputs(session, manifest, feeds, rows, [POOLED])[0]
    return [spec.name for spec, row in zip(manifest.biases, pooled, strict=False) if np.array_equal(row, pooled[-1])]


def relative_distance(found: Float32, expected: Float32) -> float:
    """L2 distance of two vectors, relative to the norm of `expected`."""
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))


def _golden_feeds(manifest: Manifest, defaults: Mapping[str, Float32]) -> dict[str, Float32]:
    moved = biases_with_deltas(manifest.biases, defaults, manifest.self_test.amplitude)
    return {name: np.stack([defaults[name], moved[name]])[:, None] for name in moved}


def _outputs(
    session: ort.InferenceSession,
    manifest: Manifest,
    feeds: Mapping[str, Float32],
    rows: int,
    names: list[str],
    text: Int64 | None = None,
) -> list[Float32]:
    """Run `rows` of one text `[sequence]`, by default the self-test's."""
    ids = np.tile(np.asarray(manifest.self_test.input_ids, np.int64) if text is None else text, (rows, 1))
    every = {INPUT_IDS: ids, ATTENTION_MASK: np.ones_like(ids), TOKEN_TYPE_IDS: np.zeros_like(ids)}
    width = Padding.of_machine(manifest.max_length).width(ids.shape[1])
    tokens = pad_tokens({name: every[name] for name in manifest.inputs}, width, manifest.pad_token_id)
    try:
        found: list[Float32] = run_session(session, names, {**tokens, **feeds})
    except InferenceError as error:
        raise SelfTestError(f"{manifest.name}: {error}") from None
    return found
