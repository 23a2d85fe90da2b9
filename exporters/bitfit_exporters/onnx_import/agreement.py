"""Agreement of a foreign ONNX model with the torch model rebuilt from it."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime as ort
import torch

from bitfit_exporters.checkpoint import Checkpoint
from bitfit_exporters.errors import OnnxModelError, VerificationError
from bitfit_exporters.parity import PARITY
from bitfit_exporters.tokenizer_files import SENTENCES
from bitfit_runtime.errors import BaseFormatError, first_line
from bitfit_runtime.graph import ATTENTION_MASK, INPUT_IDS, TOKEN_TYPE_IDS
from bitfit_runtime.self_test import relative_distance
from bitfit_runtime.session import open_session
from bitfit_runtime.tokenized_text import TokenizedText
from bitfit_runtime.tokenizer import Tokenizer, collate

INPUTS = (INPUT_IDS, ATTENTION_MASK, TOKEN_TYPE_IDS)
TEXTS = (*((text, None) for text in SENTENCES), (SENTENCES[0], SENTENCES[1]))  # a pair, to see segments
DTYPES = {"tensor(int32)": np.int32, "tensor(int64)": np.int64}
Float32 = npt.NDArray[np.float32]
Int64 = npt.NDArray[np.int64]


def check_agreement(path: Path, checkpoint: Checkpoint) -> float:
    """Return the largest relative L2 distance between the hidden states of the ONNX model and of `checkpoint`.

    The ONNX model may have any outputs, if one of them is the last hidden states `[batch, sequence, hidden]`. Raises
    OnnxModelError when it cannot be run on token ids, VerificationError when the two differ by more than rounding.
    """
    try:
        session = open_session(path)
    except BaseFormatError as error:
        raise OnnxModelError(str(error)) from None
    unknown = [one.name for one in session.get_inputs() if one.name not in INPUTS]
    if unknown:
        raise OnnxModelError(f"{path} has the input {unknown[0]}; expected only {', '.join(INPUTS)}")
    tokenizer = Tokenizer(checkpoint.tokenizer)
    rows, length = _fixed_shape(session)
    texts = tokenizer.tokenize(TEXTS, [min(length or checkpoint.max_length, checkpoint.max_length)] * len(TEXTS))
    distance = float(
        np.max([_distance(session, checkpoint, [text] * (rows or 1), length) for text in texts])
    )  # max() may lose a NaN
    if not distance <= PARITY["fp32"]:
        raise VerificationError(
            f"{path} does not compute what the model of its config.json does: its hidden states are {distance:.2e} "
            f"away, at most {PARITY['fp32']} is accepted; give the config.json that belongs to it"
        )
    return distance


def _fixed_shape(session: ort.InferenceSession) -> tuple[int | None, int | None]:
    """Return the batch and sequence sizes that are fixed in the graph, None where it takes any."""
    shapes = [one.shape for one in session.get_inputs() if one.name == INPUT_IDS and len(one.shape) == 2]
    rows, length = (size if isinstance(size, int) else None for size in (shapes or [(None, None)])[0])
    return rows, length


def _distance(
    session: ort.InferenceSession, checkpoint: Checkpoint, texts: list[TokenizedText], length: int | None
) -> float:
    tokens = _tokens(texts, length, checkpoint.pad_token_id)
    given = {one.name: DTYPES.get(one.type, np.int64) for one in session.get_inputs()}
    if TOKEN_TYPE_IDS not in given:
        tokens[TOKEN_TYPE_IDS][:] = 0  # without that input, every token is of the first segment
    try:
        outputs = session.run(None, {name: tokens[name].astype(dtype) for name, dtype in given.items()})
    except Exception as error:  # onnxruntime's exceptions share no base class but Exception
        raise OnnxModelError(
            f"the ONNX model cannot be run on a text ({first_line(error)}); export it with dynamic axes"
        ) from None
    with torch.no_grad():
        inputs = {name: torch.from_numpy(tokens[name]) for name in checkpoint.inputs}
        expected: Float32 = checkpoint.model(**inputs).last_hidden_state.numpy()
    candidates = [output for output in outputs if getattr(output, "shape", None) == expected.shape]
    if not candidates:
        names = ", ".join(one.name for one in session.get_outputs())
        raise OnnxModelError(
            f"the ONNX model gives {names}, none of them hidden states [batch, sequence, {expected.shape[2]}]; "
            "export it for the task feature-extraction"
        )
    real = tokens[ATTENTION_MASK].astype(bool)
    return min(relative_distance(output[real], expected[real]) for output in candidates)


def _tokens(texts: list[TokenizedText], length: int | None, pad_token_id: int) -> dict[str, Int64]:
    """Collate texts, and pad them to the `length` of a graph that takes no other."""
    return collate(texts, INPUTS, pad_token_id, length)
