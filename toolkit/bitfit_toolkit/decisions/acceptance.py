"""Acceptance: the probability from which on answers are wrong no more often than was asked for.

Numbers of the surest held rows are tested one after the other until a test fails; the most that passed are accepted.
Each test is an exact binomial one: if more of such answers were wrong than allowed, so few mistakes would be as rare as
one minus the confidence. Tests in an order that no label decides need no correction for their number (Bauer, 1991;
Angelopoulos et al., 2021, arXiv:2110.01052). They come in the order in which the probabilities promise success: of the
surest rows alone, a single mistake would end them.
"""

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from bitfit_runtime.decisions import Acceptance

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
CONFIDENCE: Final = 0.9
TESTS: Final = 100  # at most


def fit_acceptance(probabilities: Float64, right: Bools, max_error: float, rows: int) -> Acceptance | None:
    """Return from which probability on at most `max_error` of the answers are wrong, None where nothing shows it.

    `probabilities` and `right` are those of the held answers that may be accepted, of `rows` rows.
    """
    order = np.argsort(-probabilities, kind="stable")
    surest, mistakes = probabilities[order], np.cumsum(~right[order])
    counts = _counts(surest, max_error)
    if not len(counts):
        return None
    allowed = _allowed(counts, max_error)
    accepted = 0
    for index in _promising(surest, counts, allowed):
        count = int(counts[index])
        if mistakes[count - 1] > allowed[index]:
            break
        accepted = max(accepted, count)
    if not accepted:
        return None
    last = surest[accepted - 1]
    threshold = last if accepted == len(surest) else (last + surest[accepted]) / 2
    return Acceptance(float(threshold), max_error, accepted / rows)


def _counts(surest: Float64, max_error: float) -> Int64:
    """Return how many of the surest rows to test: from as many on as would pass without a mistake, between ties."""
    fewest = math.log1p(-CONFIDENCE) / math.log1p(-max_error)  # exact for the smallest errors too
    if fewest > len(surest):
        return np.zeros(0, np.int64)
    step = max(1, len(surest) // TESTS)
    counts = np.arange(math.ceil(fewest), len(surest) + 1, step)
    below = np.append(surest, -np.inf)[counts]
    return counts[surest[counts - 1] > below]


def _allowed(counts: Int64, max_error: float) -> Int64:
    """Return the most mistakes with which each number of rows passes."""
    from scipy.stats import binom

    most = binom.ppf(1 - CONFIDENCE, counts, max_error).astype(np.int64)
    passes = binom.cdf(most, counts, max_error) <= 1 - CONFIDENCE
    allowed: Int64 = np.where(passes, most, most - 1)
    return allowed


def _promising(surest: Float64, counts: Int64, allowed: Int64) -> Int64:
    """Return the tests, the likeliest to pass first by the probabilities; of equal ones the strictest."""
    from scipy.stats import binom

    expected = np.cumsum(1 - surest)[counts - 1] / counts
    order: Int64 = np.argsort(-binom.cdf(allowed, counts, np.clip(expected, 1e-6, 1)), kind="stable")
    return order
