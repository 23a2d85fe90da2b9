"""The measurements of the decisions suite: decisions are fitted on some of a pack's rows, and judged on all others."""

from dataclasses import dataclass
from statistics import mean
from typing import Any

import numpy as np
import numpy.typing as npt

from bitfit_runtime.decisions import Acceptance
from bitfit_runtime.outliers import outlier_score
from bitfit_runtime.request import Found
from bitfit_toolkit import Example
from bitfit_toolkit.decisions.acceptance import fit_acceptance
from bitfit_toolkit.decisions.calibration import calibration_error, perfect_error
from bitfit_toolkit.decisions.outliers import Centres, fit_centres, fit_outliers
from bitfit_toolkit.decisions.temperature import Choices, fit_temperature
from bitfit_toolkit.decisions.thresholds import fit_thresholds
from decisions.outputs import Outputs

MAX_ERROR = 0.05
DRAWS = 20  # of held rows for each pack
Float64 = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Figures = dict[str, float]


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Rows of a classification task: logits `[rows, labels]`, what is right `[rows]`, and the outlier scores' parts."""

    logits: Float64
    targets: Ints
    found: list[Found]

    @classmethod
    def of(cls, outputs: Outputs, name: str = "") -> "Rows":
        arrays = outputs.arrays
        logits, pooled = arrays[f"{name}logits"], arrays[f"{name}pooled"]
        found = [Found(*pair) for pair in zip(logits, pooled, strict=True)]
        targets = arrays.get(f"{name}targets", np.zeros(len(logits), np.float32)).astype(np.int64)
        return cls(logits.astype(np.float64), targets, found)

    def part(self, indices: Ints) -> "Rows":
        return Rows(self.logits[indices], self.targets[indices], [self.found[i] for i in indices])

    def certainty(self, temperature: float) -> tuple[Float64, npt.NDArray[np.bool_]]:
        return Choices(self.logits, self.targets).certainty(temperature)


def classification(outputs: Outputs, held: int) -> Figures:
    """Return the means over draws of `held` rows of a classification task, all others being fresh."""
    rows, centres = Rows.of(outputs), centres_of(outputs)
    generator, found = np.random.default_rng(0), list[Figures]()
    for _ in range(DRAWS):
        order = generator.permutation(len(rows.targets))
        found.append(judged(rows.part(order[:held]), rows.part(order[held:]), centres))
    figures = {name: mean(one[name] for one in found) for name in found[0]}
    return figures | (outlier_figures(outputs, centres, held) if "near_logits" in outputs.arrays else {})


def judged(held: Rows, fresh: Rows, centres: Centres) -> Figures:
    """Fit on the held rows, and return what fresh ones show.

    `best_coverage` is that of the laxest threshold at which no more than `MAX_ERROR` of the accepted fresh rows are
    wrong.
    """
    temperature = fit_temperature(Choices(held.logits, held.targets))
    outliers = fit_outliers(centres, held.found, temperature)
    accepted = [scores(outliers, centres, rows, temperature) <= outliers.threshold for rows in (held, fresh)]
    probabilities, right = held.certainty(temperature)
    own = accepted[0]
    acceptance = fit_acceptance(probabilities[own], right[own], MAX_ERROR, len(own))
    probabilities, right = fresh.certainty(temperature)
    error, coverage = _accepted(acceptance, probabilities, right, accepted[1])
    alone = fit_acceptance(*held.certainty(temperature), MAX_ERROR, len(own))
    _, alone_coverage = _accepted(alone, probabilities, right, np.ones(len(right), np.bool_))
    plain, _ = fresh.certainty(1.0)
    best = best_coverage(probabilities, right)
    return {
        "temperature": temperature,
        "uncalibrated_error": calibration_error(plain, right),
        "calibration_error": calibration_error(probabilities, right),
        "chance_error": perfect_error(probabilities),
        "accepted_error": error,
        "too_many_wrong": float(error > MAX_ERROR),
        "nothing_accepted": float(acceptance is None),
        "coverage": coverage,
        "coverage_without_outliers": alone_coverage,
        "best_coverage": best,
        "false_alarms": 1 - float(accepted[1].mean()),
    }


def best_coverage(probabilities: Float64, right: npt.NDArray[np.bool_]) -> float:
    """Return the largest share of the rows that can be accepted with no more wrong than allowed, knowing them."""
    order = np.argsort(-probabilities, kind="stable")
    errors = np.cumsum(~right[order]) / np.arange(1, len(order) + 1)
    fits = np.flatnonzero(errors <= MAX_ERROR)
    return float((fits[-1] + 1) / len(order)) if len(fits) else 0.0


def centres_of(outputs: Outputs) -> Centres:
    """Return the class centres of the training rows, as they ship."""
    training, labels = Rows.of(outputs, "train_"), outputs.pack.info.labels
    examples = [Example("", None, labels[index]) for index in training.targets]
    return fit_centres(outputs.pack.info, examples, training.found)


def scores(outliers: Any, centres: Centres, rows: Rows, temperature: float) -> Float64:
    found = (outlier_score(outliers, centres.values, o.values, o.pooled, temperature) for o in rows.found)
    return np.array(list(found))


def outlier_figures(outputs: Outputs, centres: Centres, held: int) -> Figures:
    """Return how well texts of none of the classes are told: AUROC of the score, and of the softmax's largest."""
    rows = Rows.of(outputs)
    order = np.random.default_rng(0).permutation(len(rows.targets))
    fitted, fresh = rows.part(order[:held]), rows.part(order[held:])
    temperature = fit_temperature(Choices(fitted.logits, fitted.targets))
    outliers = fit_outliers(centres, fitted.found, temperature)
    figures = {"centre_bits": 8 * centres.stored.size / centres.values.size, "centre_bytes": float(centres.stored.size)}
    for name in ("near", "far"):
        other = Rows.of(outputs, f"{name}_")
        own, theirs = (scores(outliers, centres, part, temperature) for part in (fresh, other))
        softmax = [-part.certainty(1.0)[0] for part in (fresh, other)]
        figures |= {f"{name}_auroc": auroc(own, theirs), f"{name}_softmax_auroc": auroc(*softmax)}
        figures[f"{name}_found"] = float((theirs > outliers.threshold).mean())
    return figures


def auroc(inside: Float64, outside: Float64) -> float:
    """Return how often a text of none of the classes has the higher score; equal ones count half."""
    from sklearn.metrics import roc_auc_score

    truth = np.repeat([0, 1], [len(inside), len(outside)])
    return float(roc_auc_score(truth, np.concatenate([inside, outside])))


def multi_label(outputs: Outputs, held: int) -> Figures:
    """Return F1 on fresh rows, with one half for every label and with thresholds, over draws of held rows."""
    logits, present = outputs.arrays["logits"].astype(np.float64), outputs.arrays["targets"] > 0
    generator, found = np.random.default_rng(0), list[Figures]()
    for _ in range(DRAWS):
        order = generator.permutation(len(logits))
        fitted, fresh = order[:held], order[held:]
        choices = [
            Choices(np.stack([np.zeros(logits[part].size), logits[part].ravel()], 1), present[part].ravel() * 1)
            for part in (fitted, fresh)
        ]
        temperature = fit_temperature(choices[0])
        probabilities = 1 / (1 + np.exp(-logits / temperature))
        thresholds = np.array(fit_thresholds(probabilities[fitted], present[fitted]))
        certain, right = choices[1].certainty(temperature)
        plain, _ = choices[1].certainty(1.0)
        own, half = (_f1(probabilities[fresh] >= least, present[fresh]) for least in (thresholds, 0.5))
        found.append(
            {
                "temperature": temperature,
                "uncalibrated_error": calibration_error(plain, right),
                "calibration_error": calibration_error(certain, right),
                "chance_error": perfect_error(certain),
                **{f"{name}_thresholds": value for name, value in own.items()},
                **{f"{name}_half": value for name, value in half.items()},
            }
        )
    return {name: mean(one[name] for one in found) for name in found[0]}


def _accepted(
    acceptance: Acceptance | None,
    probabilities: Float64,
    right: npt.NDArray[np.bool_],
    inside: npt.NDArray[np.bool_],
) -> tuple[float, float]:
    """Return the share of the accepted that is wrong, 0 where none is, and the share that is accepted."""
    if acceptance is None:
        return 0.0, 0.0
    accepted = inside & (probabilities >= acceptance.threshold)
    return float((~right[accepted]).mean()) if accepted.any() else 0.0, float(accepted.mean())


def _f1(chosen: npt.NDArray[np.bool_], present: npt.NDArray[np.bool_]) -> Figures:
    both, size = (chosen & present).sum(0), chosen.sum(0) + present.sum(0)
    return {"f1_micro": float(2 * both.sum() / size.sum()), "f1_macro": float((2 * both / np.maximum(size, 1)).mean())}
