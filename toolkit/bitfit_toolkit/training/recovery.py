"""Training until it is learned: a run that collapsed begins anew at smaller rates, one that learned little goes on."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from bitfit_toolkit.training.checkpoints import Stage, forget, recorded_stage
from bitfit_toolkit.training.collapse import MOST_RESTARTS, SLOWER, collapsed
from bitfit_toolkit.training.curve import CurvePoint
from bitfit_toolkit.training.distributed import on_first_process
from bitfit_toolkit.training.rate_choice import RateChoice
from bitfit_toolkit.training.run import Run
from bitfit_toolkit.training.steps import steps_of
from bitfit_toolkit.training.task_data import TaskData
from bitfit_toolkit.training.trainer import Fitted, fit
from bitfit_toolkit.training.underfit import GAIN, RISE, can_tell, checked_metric, is_underfit


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run came to its end: its rates, its learning curve, and in how many rounds of its steps.

    Of a run that may stop early, `stopped` says when it did.
    """

    choice: RateChoice | None
    curve: tuple[CurvePoint, ...] = ()
    rounds: int = 1
    stopped: Fitted | None = None


class Attempts:
    """The attempts of one run, which has learned nothing yet: at smaller rates, then in further rounds.

    An attempt that collapses begins anew at a smaller multiple of the rates; where each does, the run's model is left
    as the first one of finite numbers made it. Then, in at most `rounds` rounds, it goes on from where it is with its
    rates raised anew, while it `is_underfit`, where it still rose on new rows at the end of the first round, and after
    a further one that gained there. `number` is that of the round, and `begun` what it goes on from, None in the first.
    A run with a rate of its own has one attempt, which is not judged.
    """

    def __init__(
        self, run: Run, train: TaskData, evaluation: TaskData, choice: RateChoice | None, rounds: int = 1
    ) -> None:
        self.multiple = 1.0 if choice is None else choice.multiple
        self.choice = choice
        self._run, self._train, self._evaluation, self._rounds = run, train, evaluation, rounds
        self._beginning = run.model.tensors()
        stage = recorded_stage(run, train, evaluation)
        self.number, self.begun, self._first = stage.number, stage.begun, stage.first
        if self.begun is not None:
            run.model.load_tensors(self.begun)

    @property
    def stage(self) -> Stage:
        """What a run that is killed needs to go on."""
        return Stage(self.number, self.begun, self._first)

    @property
    def is_first_of_several(self) -> bool:
        """Whether other rounds may follow the first, which its metric at half of the steps helps to decide.

        Later rounds begin with raised rates, from which a metric falls and rises again without a gain.
        """
        return self.choice is not None and self.number == 1 < self._rounds

    def another(self, halfway: float | None = None) -> bool:
        """Judge the attempt that the run's model now holds; True where there is to be another, for which it is ready.

        `halfway` is the metric on new rows at half of the first round's steps, where that was measured. Where there is
        no other attempt, `choice` says what was tried, and the model holds what is kept.
        """
        if self.choice is None:
            return False
        if not self._collapsed():
            return self._goes_on(halfway)
        if self.begun is not None:  # then the round before is what is kept
            self.number -= 1
            self._run.model.load_tensors(self._run.task.rescale(self.begun))
            return False
        return self._slows_down(self.choice)

    def _slows_down(self, choice: RateChoice) -> bool:
        """Begin anew at a smaller multiple, where that was not tried often enough."""
        tried = (*choice.collapsed, self.multiple)
        self.choice = choice = replace(choice, collapsed=tried)
        learned = self._run.model.tensors()
        if not self._first and all(np.isfinite(value).all() for value in learned.values()):
            self._first = learned
        if len(tried) <= MOST_RESTARTS:
            self.multiple *= SLOWER
            self.choice = replace(choice, multiple=self.multiple)
            self._run.model.load_tensors(self._beginning)
            return True
        self._run.model.load_tensors(self._first)
        self.choice = replace(choice, multiple=tried[0], recovered=False)
        return False

    def _goes_on(self, halfway: float | None) -> bool:
        """Begin another round, where it is likely to help and there may be one."""
        if self.number >= self._rounds or not on_first_process(lambda: self._has_more_to_learn(halfway)):
            return False
        self.number += 1
        self.begun = self._run.task.unscale(self._run.model.tensors())
        self._run.model.load_tensors(self.begun)
        return True

    def _has_more_to_learn(self, halfway: float | None) -> bool:
        learned, new = (checked_metric(self._run, data) for data in (self._train, self._evaluation))
        rises = halfway is not None and new - halfway >= RISE and can_tell(self._run)
        return rises or is_underfit(self._run, learned, new) or self._gained(new)

    def _gained(self, new: float) -> bool:
        """Whether the round paid; it is measured anew what it began with, which a resumed run does not know else."""
        if self.begun is None:
            return False
        learned = self._run.model.tensors()
        self._run.model.load_tensors(self._run.task.rescale(self.begun))
        before = checked_metric(self._run, self._evaluation)
        self._run.model.load_tensors(learned)
        return new - before >= GAIN

    def _collapsed(self) -> bool:
        steps = steps_of(self._run.options, len(self._train.items))
        return on_first_process(lambda: collapsed(self._run, self._train, steps))


def fit_surely(run: Run, train: TaskData, evaluation: TaskData, choice: RateChoice | None, rounds: int = 1) -> Outcome:
    """Train as `fit` does, again at smaller rates where that collapses, and on where little is learned.

    The outcome's curve is the last attempt's, of all its rounds that this process saw.
    """
    attempts = Attempts(run, train, evaluation, choice, rounds)
    steps, curve = steps_of(run.options, len(train.items)), tuple[CurvePoint, ...]()
    while True:
        number, tried = attempts.number, attempts.choice.collapsed if attempts.choice else ()
        one, watch = _in_round(run, number), attempts.is_first_of_several
        found = fit(one, train, evaluation, attempts.multiple, number, collapsed=tried, halfway=watch)
        later = tuple(replace(point, step=point.step + steps * (number - 1)) for point in found.curve)
        curve = later if number == 1 else (*curve, *later)
        if not attempts.another(found.halfway):
            stops = run.options.early_stopping_patience is not None
            return Outcome(attempts.choice, curve, attempts.number, found if stops else None)
        forget(run.options, attempts.stage)


def _in_round(run: Run, number: int) -> Run:
    """Return the run with a folder of its own for the curves of a further round."""
    if number == 1 or run.options.tensorboard is None:
        return run
    folder = Path(run.options.tensorboard) / f"round-{number}"
    return replace(run, options=replace(run.options, tensorboard=folder))
