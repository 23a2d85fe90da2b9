"""Trials of first layers: each trains on some of the rows and answers the others, beside a run of every layer."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

import torch

from bitfit_runtime import Base
from bitfit_toolkit.tasks import TRAINABLE_TASKS, Example
from bitfit_toolkit.training.bootstrap import standard_error
from bitfit_toolkit.training.held_out import folds
from bitfit_toolkit.training.options import AUTO, TrainOptions, trial_options
from bitfit_toolkit.training.rate_choice import RateChoice
from bitfit_toolkit.training.recovery import fit_surely
from bitfit_toolkit.training.run import Run
from bitfit_toolkit.training.steps import steps_of
from bitfit_toolkit.training.trunk import Trunks

FOLDS: Final = 4
HELD_OUT_FOLDS: Final = 2  # one after another
FEWEST_ROWS: Final = 200


@dataclass(frozen=True, slots=True)
class StartTrial:
    """What training from one layer on gave on `held_out` rows that it did not learn from: `value` is the metric there.

    `behind` is how far that is below training every layer; `standard_error` that of the difference, paired over rows.
    """

    from_layer: int
    held_out: int
    value: float
    behind: float
    standard_error: float

    @property
    def holds(self) -> bool:
        """Whether the start is no worse than every layer.

        Not even by less than its standard error: of a thousand rows that is a point or two, which users would miss.
        """
        return self.behind <= 0


class StartTrials:
    """Trains from any of `starts`, holding out one fold of `examples` after another; `runs` counts how often.

    Arguments are those of `settle_start`. The encoder has the base's biases before and after each run.
    """

    def __init__(
        self,
        base: Base,
        examples: Sequence[Example],
        options: TrainOptions,
        encoder: torch.nn.Module,
        starts: Sequence[int],
        labelled: Sequence[Example] = (),
    ) -> None:
        self._base, self._examples, self._encoder = base, examples, encoder
        self._labelled = labelled or examples
        # As many steps as on all rows: with fewer, tasks that need the lower layers had not yet begun to show it.
        self._options = trial_options(options, steps_of(options, len(examples)))
        self._trunks = None if options.dropout or options.simulate_int8 else Trunks(encoder, base.manifest, starts)
        self._folds = folds(examples, options.seed, FOLDS)[:HELD_OUT_FOLDS]
        self._answers: dict[tuple[int, int], list[Any]] = {}
        self.runs = 0

    def of(self, start: int) -> StartTrial:
        """Compare a start with layer 0, on one fold and then on more; it leaves as soon as it does not hold."""
        return first_that_fails(self._compare(start, count) for count in range(1, len(self._folds) + 1))

    def _compare(self, start: int, count: int) -> StartTrial:
        """Return what a start gave on the first `count` folds."""
        examples = [self._examples[row] for fold in self._folds[:count] for row in fold]
        own, every = ([answer for fold in range(count) for answer in self._answers_of(one, fold)] for one in (start, 0))
        values = partial(self._values, examples, own, every)
        value, reference = values(range(len(examples)))
        error = standard_error(values, len(examples), self._options.seed)
        return StartTrial(start, len(examples), value, reference - value, error)

    def _values(
        self, examples: Sequence[Example], own: Sequence[Any], every: Sequence[Any], rows: Sequence[int]
    ) -> tuple[float, float]:
        """Return the metric of a start's own answers and of those of every layer on some rows of the examples."""
        task, some = TRAINABLE_TASKS[self._options.task_type], [examples[row] for row in rows]
        metric = self._options.metric_for_best_model or task.metric_names[0]
        one, other = (task.metrics(some, [answers[row] for row in rows])[metric] for answers in (own, every))
        return one, other

    def _answers_of(self, start: int, fold: int) -> list[Any]:
        """Train on the rows outside a fold, once, and return the answers to its rows.

        A run at measured rates that collapses begins anew, as the final one does: else its start looks bad by chance.
        """
        if (start, fold) not in self._answers:
            options = replace(self._options, from_layer=start)
            run = Run.start(self._base, self._labelled, options, self._encoder, self._trunks)
            held_out = set(self._folds[fold])
            learning = [example for row, example in enumerate(self._examples) if row not in held_out]
            data = run.prepare([self._examples[row] for row in self._folds[fold]])
            fit_surely(run, run.prepare(learning), data, RateChoice(1.0) if options.learning_rate == AUTO else None)
            self._answers[start, fold] = run.answers(data)
            run.model.load_tensors(self._base.default_biases)
            self.runs += 1
        return self._answers[start, fold]


def first_that_fails(trials: Iterable[StartTrial]) -> StartTrial:
    """Return the first trial that does not hold, or the last; those after it are not made."""
    for trial in trials:
        if not trial.holds:
            break
    return trial
