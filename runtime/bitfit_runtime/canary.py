"""Canaries: whether a pack computes here what it computed where it was published.

Equal kernels give equal bits. Other kernels round differently, and int8 amplifies that, so there all answers together
may be as far off as the base's self-test allows.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from bitfit_runtime.engine import Engine
from bitfit_runtime.errors import CanaryError
from bitfit_runtime.formats import Canary, Pack, PackInfo
from bitfit_runtime.formats.schema import CANARY
from bitfit_runtime.graph import TOKEN_LOGITS
from bitfit_runtime.inputs import Row
from bitfit_runtime.tasks import TASK_TYPES

# Written for this purpose: packs must not carry training texts to devices.
PROBES: Final[tuple[tuple[str, str | None], ...]] = (
    ("Please send the blue one to Anna in Lisbon by Friday, not the red one.", None),
    ("What is in the box?", "The box holds 3 old maps and a lamp."),
)
BEYOND: Final = 8  # words of a long probe over the length of a window, so that it has two or more
LARGEST_ANSWER: Final = 1 << 14  # bytes that the answer to a long probe may take in the pack


def probes(info: PackInfo) -> tuple[tuple[str, str | None], ...]:
    """Return the texts that a pack is tried on; with windows one has several, to try their join as well.

    That one is left out where its answer would be too large for a pack: where tokens have many labels.
    """
    words = info.max_length + BEYOND  # of a token or more each
    numbers = words * len(info.labels) if TASK_TYPES[info.task_type].output == TOKEN_LOGITS else 0
    if info.windows is None or info.windows.max_windows == 1 or 4 * numbers > LARGEST_ANSWER:
        return PROBES
    return (*PROBES, (" ".join(str(word * word // 7 % 10) for word in range(words)), None))


def make_canary(engine: Engine, pack: Pack, texts: Sequence[tuple[str, str | None]] | None = None) -> Pack:
    """Return the pack with a canary of `texts`, (text, text_pair or None) each, as `engine` answers them.

    The texts, by default its `probes`, travel with the pack. Raises PackError or one of its subclasses, InputError.
    """
    texts = probes(pack.info) if texts is None else texts
    return replace(pack, canary=Canary(tuple(texts), engine.kernel_fingerprint, _answers(engine, pack, texts)))


def check_canary(engine: Engine, pack: Pack) -> None:
    """Compare the pack's answers on `engine` with its canary; the pack is not installed by this.

    On kernels of the same fingerprint they must be the same bits. On others the relative L2 distance of all answers
    together (a single number near zero has no meaningful relative error) must be within the tolerance of the base's
    self-test. A pack without canary passes. Raises CanaryError, PackError or one of its subclasses.
    """
    canary, where = pack.canary, f"pack {pack.info.task!r}"
    if canary is None:
        return
    found = _answers(engine, pack, canary.texts)
    if found.shape != canary.expected.shape:
        raise CanaryError(
            f"{where} gives {found.size} numbers for its canary, expected {canary.expected.size}; publish it again"
        )
    if found.tobytes() == canary.expected.tobytes():
        return
    if canary.kernel_fingerprint == engine.kernel_fingerprint:
        raise CanaryError(
            f"{where} does not answer its canary to the bit, although on the kernels that made it; publish it again"
        )
    distance, size = (float(np.linalg.norm(vector)) for vector in (found - canary.expected, canary.expected))
    allowed = engine.base.manifest.self_test.tolerance * size
    if not distance <= allowed:
        raise CanaryError(
            f"{where} answers its canary {distance:.3g} away from what its publisher found, on other kernels at most "
            f"{allowed:.3g} is accepted; publish it again, or check this machine with Engine(…, self_test='full')"
        )


def _answers(engine: Engine, pack: Pack, texts: Sequence[tuple[str, str | None]]) -> npt.NDArray[np.float32]:
    trial = engine.fork()
    trial.install(CANARY, pack)
    rows = [Row(text, CANARY, pair) for text, pair in texts]
    values = trial.logits(rows) if pack.has_head else trial.embed(rows)
    return np.concatenate([value.ravel() for value in values])
