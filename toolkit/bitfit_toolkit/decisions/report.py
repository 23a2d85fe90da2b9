"""What decisions come to on held rows that they were not fitted on."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bitfit_runtime.decisions import Decisions
from bitfit_toolkit.decisions.calibration import Bools, Float64, calibration_error, perfect_error
from bitfit_toolkit.tasks import TRAINABLE_TASKS
from bitfit_toolkit.tasks.judgement import Judgement

if TYPE_CHECKING:
    from bitfit_toolkit.decisions.fit import Folds
    from bitfit_toolkit.decisions.held import HeldRows


@dataclass(frozen=True, slots=True)
class DecisionReport:
    """What the decisions of a pack come to. Errors and shares are crossed: of each fifth of the `rows` by the others'.

    `calibration_error` is that of the answers, `uncalibrated_error` that without the temperature, and `chance_error`
    what a model that is right exactly as often as it says would show on so many rows; None where no row has a choice
    to judge, such as an answer that was not cut off. `accepted_error` and `coverage`
    are None where no part showed a threshold for `max_error`, which is None where none was looked for. `bytes` is what
    the pack grew by.
    """

    rows: int
    decisions: Decisions
    calibration_error: float | None
    uncalibrated_error: float | None
    chance_error: float | None
    max_error: float | None
    accepted_error: float | None
    coverage: float | None
    false_alarms: float | None
    bytes: int


def judge(
    held: "HeldRows", answers: Sequence[Any], folds: "Folds", whole: Decisions, max_error: float | None, size: int
) -> DecisionReport:
    """Return what crossed answers, and the decisions that gave them, come to."""
    parts = [(held.part(fold.indices).choices(), fold.decisions) for fold in folds.folds]
    calibrated = _joined(part.certainty(decisions.temperature) for part, decisions in parts)
    plain = _joined(part.certainty(1.0) for part, _ in parts)
    task, error, coverage = TRAINABLE_TASKS[held.info.task_type], None, None
    if any(fold.decisions.acceptance for fold in folds.folds):
        error, coverage = accepted(answers, task.judge(held.data.examples, answers))
    outliers = [
        answers[index].outlier > fold.decisions.outliers.threshold
        for fold in folds.folds
        for index in fold.indices
        if fold.decisions.outliers is not None
    ]
    chosen = len(calibrated[0]) > 0
    return DecisionReport(
        rows=len(held),
        decisions=whole,
        calibration_error=calibration_error(*calibrated) if chosen else None,
        uncalibrated_error=calibration_error(*plain) if chosen else None,
        chance_error=perfect_error(calibrated[0]) if chosen else None,
        max_error=max_error if "acceptance" in task.task_type.decides else None,
        accepted_error=error,
        coverage=coverage,
        false_alarms=float(np.mean(outliers)) if outliers else None,
        bytes=size,
    )


def accepted(answers: Sequence[Any], judgements: Sequence[Judgement]) -> tuple[float | None, float]:
    """Return which share of the accepted answers is wrong, None where none is accepted, and which share is accepted."""
    right = [judged.right for answer, judged in zip(answers, judgements, strict=True) if answer.accepted]
    return (1 - sum(right) / len(right) if right else None), len(right) / len(answers)


def _joined(parts: Iterable[tuple[Float64, Bools]]) -> tuple[Float64, Bools]:
    """Return the probabilities of all parts, and what was right, end to end."""
    probabilities, right = zip(*parts, strict=True)
    return np.concatenate(probabilities), np.concatenate(right)
