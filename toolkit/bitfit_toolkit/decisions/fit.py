"""Decisions of a pack: all that held rows tell, and what that comes to on rows that it was not fitted on."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from bitfit_runtime import Engine, Pack, PackInfo
from bitfit_runtime.decisions import Decisions
from bitfit_runtime.formats import LIMITS, serialize
from bitfit_runtime.formats.schema import CENTRES
from bitfit_runtime.graph import POOLED
from bitfit_toolkit.decisions.acceptance import fit_acceptance
from bitfit_toolkit.decisions.held import HeldRows, ask, decided, outlier_space
from bitfit_toolkit.decisions.outliers import Centres, fit_centres, fit_outliers
from bitfit_toolkit.decisions.report import DecisionReport, judge
from bitfit_toolkit.decisions.temperature import fit_temperature
from bitfit_toolkit.decisions.thresholds import fit_thresholds
from bitfit_toolkit.tasks import TRAINABLE_TASKS, Example
from bitfit_toolkit.training.task_data import TaskData

FEWEST_ROWS: Final = 100
FEWEST_FOR_TEMPERATURE: Final = 50  # fewer than FEWEST_ROWS may only make answers less sure
FOLDS: Final = 5
# Of the training rows that class centres are the means of.
CENTRE_ROWS, CENTRE_ROWS_OF_A_LABEL = 1000, 20
Int64 = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Decided:
    """A pack with decisions, what they come to, and its answers to the held rows, by decisions not fitted on them."""

    pack: Pack
    report: DecisionReport
    answers: list[Any]
    folds: "Folds"


@dataclass(frozen=True, slots=True, eq=False)
class Fold:
    """A part of the held rows, and the decisions that were fitted on all others."""

    indices: Int64
    decisions: Decisions


@dataclass(frozen=True, slots=True, eq=False)
class Folds:
    """Held rows in parts, each judged by decisions that were fitted on the others."""

    folds: tuple[Fold, ...]

    @classmethod
    def of(cls, held: HeldRows, fit: Callable[[HeldRows], Decisions]) -> "Folds":
        """Part the rows at random, the same way each time, and fit."""
        parts = np.array_split(np.random.default_rng(0).permutation(len(held)), FOLDS)
        every = np.arange(len(held))
        return cls(tuple(Fold(part, fit(held.part(np.setdiff1d(every, part)))) for part in parts))

    def answers(self, held: HeldRows, centres: Centres | None) -> list[Any]:
        """Return the answer to each row by the decisions of its part."""
        found: list[Any] = [None] * len(held)
        values = None if centres is None else centres.values
        for fold in self.folds:
            for index, answer in zip(
                fold.indices, held.part(fold.indices).answers(fold.decisions, values), strict=True
            ):
                found[index] = answer
        return found


def too_few(info: PackInfo, rows: int) -> tuple[str, ...]:
    """Return a note where evaluation rows are too few to decide anything by."""
    if not decided(info) or rows >= FEWEST_ROWS:
        return ()
    has = "no decisions: they need" if rows < FEWEST_FOR_TEMPERATURE else "a temperature alone: other decisions need"
    return (f"the pack has {has} {FEWEST_ROWS} evaluation rows, found {rows}",)


def decide(
    engine: Engine, pack: Pack, evaluation: TaskData, train: Sequence[Example], max_error: float
) -> Decided | None:
    """Fit decisions on the evaluation rows, None where the type has none or the rows are too few.

    Of fewer than FEWEST_ROWS rows a temperature alone. The pack is installed in the engine under its task's name. Class
    centres are of training rows; all else is of evaluation rows: judged on each fifth when fitted on the others, while
    what ships is fitted on all.
    """
    info = pack.info
    rows = len(evaluation.examples)
    if not decided(info) or rows < FEWEST_FOR_TEMPERATURE:
        return None
    held = HeldRows.of(engine, info, evaluation)
    centres, fit = None, cautious_temperature
    if rows >= FEWEST_ROWS:
        centres = _centres(engine, info, train)
        fit = partial(fit_decisions, centres=centres, max_error=max_error)
    folds, whole = Folds.of(held, fit), fit(held)
    tensors = dict(pack.tensors) | ({} if centres is None else {CENTRES: centres.stored})
    decided_pack = replace(pack, info=replace(info, decisions=whole), tensors=tensors)
    size = len(serialize(decided_pack)) - len(serialize(pack))
    answers = folds.answers(held, centres)
    report = judge(held, answers, folds, whole, max_error if rows >= FEWEST_ROWS else None, size)
    return Decided(decided_pack, report, answers, folds)


def cautious_temperature(held: HeldRows) -> Decisions:
    """Return what a few held rows tell: a temperature that never makes answers surer than the model is.

    Where few rows are all right the likeliest temperature makes every answer certain.
    """
    choices = held.choices()
    return Decisions(len(held), max(1.0, fit_temperature(choices)) if len(choices) else 1.0)


def fit_decisions(held: HeldRows, centres: Centres | None, max_error: float) -> Decisions:
    """Return what held rows tell."""
    info, choices = held.info, held.choices()
    decisions = Decisions(len(held), fit_temperature(choices) if len(choices) else 1.0)
    if "thresholds" in decided(info):
        decisions = replace(decisions, thresholds=_thresholds(held, decisions))
    if centres is not None:
        decisions = replace(decisions, outliers=fit_outliers(centres, held.found, decisions.temperature))
    if "acceptance" not in decided(info):
        return decisions
    task = TRAINABLE_TASKS[info.task_type]
    answers: list[Any] = held.answers(decisions, None if centres is None else centres.values)
    judgements = task.judge(held.data.examples, answers)
    judged = [(a.probability, j.right) for a, j in zip(answers, judgements, strict=True) if a.accepted is not False]
    probabilities, right = np.array([p for p, _ in judged]), np.array([r for _, r in judged], np.bool_)
    return replace(decisions, acceptance=fit_acceptance(probabilities, right, max_error, len(held)))


def _thresholds(held: HeldRows, decisions: Decisions) -> tuple[float, ...]:
    answers: list[Any] = held.answers(decisions, None)
    present = np.array([item.target for item in held.data.items]) > 0
    return fit_thresholds(np.array([answer.probabilities for answer in answers]), present)


def _centres(engine: Engine, info: PackInfo, train: Sequence[Example]) -> Centres | None:
    """Return class centres of some training rows; None where outliers are not told, or centres would be too large."""
    labels = len(info.labels)
    width = engine.base.manifest.hidden_size if outlier_space(info) == POOLED else labels
    if "outliers" not in decided(info) or labels * width > LIMITS.centre_codes:
        return None
    most = max(CENTRE_ROWS, CENTRE_ROWS_OF_A_LABEL * labels)
    rows = train if len(train) <= most else random.Random(0).sample(list(train), most)
    return fit_centres(info, rows, ask(engine, info, rows))
