"""Parity of an exported graph with the torch encoder that it was made from."""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt
import onnx_ir as ir
import onnxruntime as ort
import torch

from bitfit_exporters.checkpoint import Checkpoint
from bitfit_exporters.encoder import pool
from bitfit_exporters.errors import CheckpointError, VerificationError
from bitfit_exporters.options import SHORTEST
from bitfit_exporters.tokenizer_files import SENTENCES
from bitfit_runtime.errors import first_line
from bitfit_runtime.formats.schema import MODEL_FILE, WEIGHTS_FILE
from bitfit_runtime.graph import ATTENTION_MASK, INPUT_IDS, POOLED
from bitfit_runtime.self_test import relative_distance
from bitfit_runtime.session import open_session
from bitfit_runtime.tokenized_text import TokenizedText
from bitfit_runtime.tokenizer import Tokenizer, collate

Float32 = npt.NDArray[np.float32]
Int64 = npt.NDArray[np.int64]
# Tokens of padding that the checks add at most.
MARGIN = 7
# Largest accepted distance from torch, relative L2 of the pooled vectors. The float graph differs by rounding alone.
PARITY = {"fp32": 1e-4, "int8": 0.25, "int4": 0.6}


@dataclass(frozen=True, slots=True)
class Parity:
    """Distances of `pooled` from torch over the sentences.

    `worst` is the largest relative L2 distance, `mean` the mean of them, `cosine` the mean of 1 − cosine.
    """

    worst: float
    mean: float
    cosine: float


def sentences(checkpoint: Checkpoint) -> list[TokenizedText]:
    """Tokenize the sentences on which an export is checked, cut so that some padding still fits."""
    longest = max(checkpoint.max_length - MARGIN, SHORTEST // 2)
    return Tokenizer(checkpoint.tokenizer).tokenize(
        [(sentence, None) for sentence in SENTENCES], [longest] * len(SENTENCES)
    )


def check_runs(checkpoint: Checkpoint) -> None:
    """Run the encoder on the sentences in torch, before it is captured. Raises CheckpointError."""
    tokens = collate(sentences(checkpoint), checkpoint.inputs, checkpoint.pad_token_id)
    try:
        with torch.no_grad():
            hidden = checkpoint.model(**{n: torch.from_numpy(a) for n, a in tokens.items()}).last_hidden_state
        shape, finite = tuple(hidden.shape), bool(torch.isfinite(hidden).all())
    except Exception as error:  # models raise errors of every kind
        raise CheckpointError(
            f"{checkpoint.name} cannot be run on a text ({first_line(error)}); its config.json, weights and tokenizer "
            "do not belong together, copy all of them from one place"
        ) from None
    expected = (*tokens[INPUT_IDS].shape, checkpoint.hidden_size)
    if shape != expected or not finite:
        found = f"shape {list(shape)}, expected {list(expected)}" if shape != expected else "values that are not finite"
        raise CheckpointError(f"{checkpoint.name} gives hidden states of {found}; download it again")


def check_float_graph(model: ir.Model, checkpoint: Checkpoint, folder: Path) -> None:
    """Check a graph before it is quantized, when only rounding may part it from torch: much sharper than afterwards.

    `folder` takes a temporary copy. Raises VerificationError.
    """
    with TemporaryDirectory(dir=folder) as temporary:
        path = Path(temporary, MODEL_FILE)
        ir.save(model, path, external_data=WEIGHTS_FILE)  # protobuf ends at 2 GiB
        found = measure_parity(open_session(path), checkpoint)
    if not found.worst <= PARITY["fp32"]:
        raise VerificationError(
            f"the float graph is {found.worst:.2e} away from torch, at most {PARITY['fp32']} is accepted"
        )


def measure_parity(session: ort.InferenceSession, checkpoint: Checkpoint) -> Parity:
    """Compare a graph, run with its default biases, with torch."""
    tokens = collate(sentences(checkpoint), checkpoint.inputs, checkpoint.pad_token_id)
    found: Float32 = session.run([POOLED], tokens)[0]
    with torch.no_grad():
        output = checkpoint.model(**{name: torch.from_numpy(array) for name, array in tokens.items()})
    expected: Float32 = pool(output, torch.from_numpy(tokens[ATTENTION_MASK]), checkpoint.pooling).numpy()
    distances = [relative_distance(one, other) for one, other in zip(found, expected, strict=True)]
    cosines = (found * expected).sum(1) / np.linalg.norm(found, axis=1) / np.linalg.norm(expected, axis=1)
    # np.max, unlike max, keeps what is not a number.
    return Parity(float(np.max(distances)), float(np.mean(distances)), float(1 - cosines.mean()))
