"""Training that recovers: a run that collapsed begins anew at a smaller multiple of its rates."""

from dataclasses import replace

import numpy as np

from bitfit_toolkit.training.checkpoints import forget
from bitfit_toolkit.training.collapse import MOST_RESTARTS, SLOWER, collapsed
from bitfit_toolkit.training.curve import CurvePoint
from bitfit_toolkit.training.distributed import on_first_process
from bitfit_toolkit.training.rate_choice import RateChoice
from bitfit_toolkit.training.run import Float32, Run
from bitfit_toolkit.training.steps import steps_of
from bitfit_toolkit.training.task_data import TaskData
from bitfit_toolkit.training.trainer import fit


class Attempts:
    """The attempts of one run, which has learned nothing yet, at smaller and smaller multiples of its rates.

    Where every attempt collapses, the run's model is left as the first one of finite numbers made it. A run with a rate
    of its own has one attempt, which is not judged.
    """

    def __init__(self, run: Run, train: TaskData, choice: RateChoice | None) -> None:
        self.multiple = 1.0 if choice is None else choice.multiple
        self.choice = choice
        self._run, self._train = run, train
        self._beginning = run.model.tensors()
        self._first = dict[str, Float32]()

    def another(self) -> bool:
        """Judge the attempt that the run's model now holds; True where there is to be another, for which it is ready.

        Else `choice` says what was tried, and the model holds what is kept.
        """
        if self.choice is None or not self._collapsed():
            return False
        tried = (*self.choice.collapsed, self.multiple)
        self.choice = replace(self.choice, collapsed=tried)
        learned = self._run.model.tensors()
        if not self._first and all(np.isfinite(value).all() for value in learned.values()):
            self._first = learned
        if len(tried) <= MOST_RESTARTS:
            self.multiple *= SLOWER
            self.choice = replace(self.choice, multiple=self.multiple)
            self._run.model.load_tensors(self._beginning)
            return True
        self._run.model.load_tensors(self._first)
        self.choice = replace(self.choice, multiple=tried[0], recovered=False)
        return False

    def _collapsed(self) -> bool:
        steps = steps_of(self._run.options, len(self._train.items))
        return on_first_process(lambda: collapsed(self._run, self._train, steps))


def fit_surely(
    run: Run, train: TaskData, evaluation: TaskData, choice: RateChoice | None
) -> tuple[RateChoice | None, tuple[CurvePoint, ...]]:
    """Train as `fit` does, again at smaller rates where that collapses.

    Returns what was chosen in the end, and the last attempt's learning curve where the options ask for a report.
    """
    attempts = Attempts(run, train, choice)
    curve = fit(run, train, evaluation, attempts.multiple)
    while attempts.another():
        forget(run.options)
        curve = fit(run, train, evaluation, attempts.multiple)
    return attempts.choice, curve
