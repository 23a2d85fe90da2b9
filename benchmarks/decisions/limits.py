"""How much of what could be accepted an exact binomial bound can show, by the number of held rows.

    python -m decisions.limits [--output FILE]

Two labels whose logits are calibrated: nothing is fitted, and the best coverage at a largest error is known. Beside the
rule of packs stands an oracle that knows where one test pays most. Where that shows little too, rows are missing.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean
from typing import Final

import numpy as np
import numpy.typing as npt

from bitfit_toolkit.decisions.acceptance import CONFIDENCE, fit_acceptance
from decisions.measure import MAX_ERROR, best_coverage
from harness.options import make_parser, results_of

POPULATION: Final = 400_000
DRAWS: Final = 100
HELD: Final = (250, 500, 1000, 2000, 4000, 16000)
TASKS: Final = ((1.2, 1.2), (1.5, 1.5), (3.0, 2.0))  # mean and deviation of a row's logit
Float64 = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Limit:
    """Shares of the best coverage, which is `best`, that `rows` held rows of a task show, by the rule and an oracle."""

    accuracy: float
    best: float
    rows: int
    rule: float
    oracle: float
    too_many_wrong: float


def main() -> None:
    parser = make_parser(__doc__, results_of("decisions") / "limits.jsonl")
    output: Path = parser.parse_args().output
    found = [limit for task in TASKS for limit in limits(*task)]
    output.write_text("".join(json.dumps(asdict(limit)) + "\n" for limit in found))
    for limit in found:
        print(json.dumps({name: round(value, 3) for name, value in asdict(limit).items()}))


def limits(centre: float, spread: float) -> list[Limit]:
    """Return what each number of held rows shows of one task."""
    generator = np.random.default_rng(0)
    logits = np.abs(generator.normal(centre, spread, POPULATION))
    probabilities = 1 / (1 + np.exp(-logits))
    right = generator.random(POPULATION) < probabilities
    best = best_coverage(probabilities, right)
    found = []
    for rows in HELD:
        draws = [_drawn(generator, probabilities, right, rows) for _ in range(DRAWS)]
        found.append(
            Limit(
                accuracy=float(right.mean()),
                best=best,
                rows=rows,
                rule=mean(coverage for coverage, _ in draws) / best,
                oracle=oracle(probabilities, right, rows) / best,
                too_many_wrong=mean(error > MAX_ERROR for _, error in draws),
            )
        )
    return found


def _drawn(generator: np.random.Generator, probabilities: Float64, right: Bools, rows: int) -> tuple[float, float]:
    """Fit on drawn rows; return which share of the population is accepted, and which share of that is wrong."""
    held = generator.integers(0, len(right), rows)
    acceptance = fit_acceptance(probabilities[held], right[held], MAX_ERROR, rows)
    if acceptance is None:
        return 0.0, 0.0
    accepted = probabilities >= acceptance.threshold
    return float(accepted.mean()), float((~right[accepted]).mean()) if accepted.any() else 0.0


def oracle(probabilities: Float64, right: Bools, rows: int) -> float:
    """Return the expected coverage of the one exact test, of so many of the surest rows, that pays most."""
    from scipy.stats import binom

    errors = np.cumsum(~right[np.argsort(-probabilities)]) / np.arange(1, len(right) + 1)
    counts = np.unique(np.linspace(1, rows, 200).astype(int))
    true = errors[(counts / rows * len(right)).astype(int) - 1]
    most = binom.ppf(1 - CONFIDENCE, counts, MAX_ERROR)
    allowed = np.where(binom.cdf(most, counts, MAX_ERROR) <= 1 - CONFIDENCE, most, most - 1)
    passes = np.where(true <= MAX_ERROR, binom.cdf(allowed, counts, true), 0.0)
    return float((counts / rows * passes).max())


if __name__ == "__main__":
    main()
