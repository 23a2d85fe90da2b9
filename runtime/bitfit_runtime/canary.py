"""Canaries: whether a pack computes here what it computed where it was published.

Equal kernels give equal bits. Others round differently, and int8 amplifies the last place, so there the answers, taken
together, may be as far off as the base's self-test may be.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from bitfit_runtime.engine import Engine
from bitfit_runtime.errors import CanaryError
from bitfit_runtime.formats.pack import Canary, Pack
from bitfit_runtime.formats.schema import CANARY
from bitfit_runtime.inputs import Row

# Written for this purpose: a pack must not carry its training texts to devices.
PROBES: Final[tuple[tuple[str, str | None], ...]] = (
    ("Please send the blue one to Anna in Lisbon by Friday, not the red one.", None),
    ("What is in the box?", "The box holds 3 old maps and a lamp."),
)


def make_canary(engine: Engine, pack: Pack, texts: Sequence[tuple[str, str | None]] = PROBES) -> Pack:
    """Return the pack with a canary of `texts`, (text, text_pair or None) each, as `engine` answers them.

    The texts travel with the pack. Raises PackError or one of its subclasses, InputError.
    """
    return replace(pack, canary=Canary(tuple(texts), engine.kernel_fingerprint, _answers(engine, pack, texts)))


def check_canary(engine: Engine, pack: Pack) -> None:
    """Compare the pack's answers on `engine` with its canary; the pack need not be installed, and is not afterwards.

    On kernels of the same name they must be the same bits, on others as near as the base's self-test asks, as relative
    L2 distance of all answers together: a single number near zero has no relative error to speak of. A pack without
    canary passes. Raises CanaryError, PackError or one of its subclasses.
    """
    canary, where = pack.canary, f"pack {pack.info.task!r}"
    if canary is None:
        return
    found = _answers(engine, pack, canary.texts)
    if found.shape != canary.expected.shape:
        raise CanaryError(
            f"{where} gives {found.size} numbers for its canary, {canary.expected.size} are expected; publish it again"
        )
    if found.tobytes() == canary.expected.tobytes():
        return
    if canary.kernel_fingerprint == engine.kernel_fingerprint:
        raise CanaryError(
            f"{where} does not answer its canary to the bit, on the kernels it was made on; publish it again"
        )
    distance, size = (float(np.linalg.norm(vector)) for vector in (found - canary.expected, canary.expected))
    allowed = engine.base.manifest.self_test.tolerance * size
    if not distance <= allowed:
        raise CanaryError(
            f"{where} answers its canary {distance:.3g} away from what its publisher found, on other kernels at most "
            f"{allowed:.3g} is expected; publish it again, or check that this machine runs the base as it should"
        )


def _answers(engine: Engine, pack: Pack, texts: Sequence[tuple[str, str | None]]) -> npt.NDArray[np.float32]:
    trial = engine.fork()
    trial.install(CANARY, pack)
    rows = [Row(text, CANARY, pair) for text, pair in texts]
    values = trial.logits(rows) if pack.has_head else trial.embed(rows)
    return np.concatenate([value.ravel() for value in values])
