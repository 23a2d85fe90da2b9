"""Verification of an exported base: every check on the files as they were written."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from bitfit_exporters.branching import measure_branch_error
from bitfit_exporters.checkpoint import Checkpoint
from bitfit_exporters.errors import VerificationError
from bitfit_exporters.parity import PARITY, Parity, measure_parity
from bitfit_exporters.row_independence import ROW_TOLERANCE, measure_row_error
from bitfit_exporters.tokenizer_check import TokenizerCheck, check_tokenizer
from bitfit_runtime.formats import Manifest
from bitfit_runtime.self_test import ignored_biases

Float32 = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Verified:
    """What was measured: parity with torch, the largest differences of a row, what tokens can tell apart.

    `row_error` is by other company, `branch_error` by sharing lower layers.
    """

    parity: Parity
    row_error: float
    branch_error: float
    tokenizer: TokenizerCheck


def verify(
    session: ort.InferenceSession, manifest: Manifest, defaults: Mapping[str, Float32], checkpoint: Checkpoint
) -> Verified:
    """Check the tokenizer, parity with torch, every bias input's effect, and that rows do not depend on each other.

    `defaults` holds the default biases `[n]` by name. Raises VerificationError, naming the check and the figures.
    """
    tokenizer = check_tokenizer(checkpoint.tokenizer)
    precision = manifest.precision
    parity = measure_parity(session, checkpoint)
    if not parity.worst <= PARITY[precision]:  # which refuses what is not a number
        raise VerificationError(
            f"the {precision} graph is {parity.worst:.4f} away from torch, at most {PARITY[precision]} is accepted"
        )
    ignored = ignored_biases(session, manifest, defaults)
    if ignored:
        raise VerificationError(f"{len(ignored)} bias inputs do not change the output, {ignored[0]} first")
    row_error = measure_row_error(session, checkpoint, defaults)
    if not row_error <= ROW_TOLERANCE[precision]:
        raise VerificationError(f"a row's answer changes by {row_error:.2e} with its batch-mates, order or padding")
    branch_error = measure_branch_error(session, checkpoint, manifest, defaults)
    if not branch_error <= ROW_TOLERANCE[precision]:
        raise VerificationError(f"a row's answer changes by {branch_error:.2e} where it shares lower layers")
    return Verified(parity, row_error, branch_error, tokenizer)
