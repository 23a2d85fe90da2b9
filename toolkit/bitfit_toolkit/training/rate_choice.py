"""Choice of how many times its measured rates a run takes: a short race on rows held out of the training rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch

from bitfit_runtime import Base
from bitfit_toolkit.tasks import Example
from bitfit_toolkit.training.bootstrap import standard_error
from bitfit_toolkit.training.checkpoints import recorded_multiples
from bitfit_toolkit.training.collapse import finite_answers
from bitfit_toolkit.training.distributed import process_count
from bitfit_toolkit.training.held_out import hold_out
from bitfit_toolkit.training.options import AUTO, TrainOptions, trial_options
from bitfit_toolkit.training.run import Run
from bitfit_toolkit.training.steps import steps_of
from bitfit_toolkit.training.trainer import fit
from bitfit_toolkit.training.trunk import Trunks

MULTIPLES: Final = (1 / 3, 1.0)  # larger ones win short races by being short of steps, not by being better
SHARE: Final = 1 / 8  # of the run's steps that each takes
FEWEST_HELD_OUT: Final = 100  # of fewer rows a standard error is more than a wrong rate costs
FEWEST_STEPS: Final = 20


@dataclass(frozen=True, slots=True)
class RateTrial:
    """What a short run at a multiple of the measured rates gave: `value` is the metric on the rows held out.

    `behind` is how far that is below the best multiple's, `standard_error` that of the difference, paired over rows.
    One that diverged has no value.
    """

    multiple: float
    value: float | None
    behind: float
    standard_error: float


@dataclass(frozen=True, slots=True)
class RateChoice:
    """The multiple of the measured rates that a run took, and what each gave on `held_out` of the training rows.

    There are no trials where rows or steps were too few to decide by. `collapsed` are multiples at which the whole run
    had given one answer for all, before it was trained again at this one; `recovered` says whether that helped.
    """

    multiple: float
    held_out: int = 0
    trials: tuple[RateTrial, ...] = ()
    collapsed: tuple[float, ...] = ()
    recovered: bool = True

    def notes(self) -> list[str]:
        """Return what a user should know."""
        if not self.collapsed:
            return []
        before = ", ".join(f"× {multiple:.3g}" for multiple in self.collapsed)
        if self.recovered:
            return [f"training ended in one answer for all at {before} its learning rate, not at × {self.multiple:.3g}"]
        return [
            f"training ended in one answer for all at {before} its learning rate; the pack is that of "
            f"× {self.multiple:.3g}: look at labels and texts, or take more steps"
        ]


def choose_multiple(
    base: Base,
    examples: Sequence[Example],
    options: TrainOptions,
    encoder: torch.nn.Module,
    trunks: Trunks | None = None,
) -> RateChoice | None:
    """Return the multiple of its rates that a run of these options takes, None where the rate is given.

    Each trains shortly on three quarters of the training `examples`; × 1 is taken unless another is better on the last
    quarter by more than one standard error. `encoder` and `trunks` are as in `Run.start`; the encoder is given back
    with the base's biases. A run that goes on takes what it began with.
    """
    if options.learning_rate != AUTO:
        return None
    recorded = recorded_multiples(options)
    if recorded is not None:
        return RateChoice(recorded[0], collapsed=recorded[1])
    learning, held_out = hold_out(examples, options.seed)
    steps = round(SHARE * steps_of(options, len(examples)))
    if len(held_out) < FEWEST_HELD_OUT or steps < FEWEST_STEPS or process_count() > 1:
        return RateChoice(1.0, len(held_out))
    answers: dict[float, list[Any] | None] = {}
    for multiple in MULTIPLES:
        run = Run.start(base, examples, trial_options(options, steps), encoder, trunks)
        data = run.prepare(held_out)
        fit(run, run.prepare(learning), data, multiple)
        answers[multiple] = finite_answers(run, data)
        run.model.load_tensors(base.default_biases)
    trials = compare_multiples(run, held_out, answers)
    return RateChoice(best_multiple(trials), len(held_out), trials)


def best_multiple(trials: Sequence[RateTrial]) -> float:
    """Return × 1 unless another multiple is better by more than one standard error; then the best, the smaller first.

    Where all diverged it is the smallest.
    """
    ended = [trial for trial in trials if trial.value is not None]
    if any(trial.multiple == 1 and trial.behind <= trial.standard_error for trial in ended):
        return 1.0
    return min(ended or trials, key=lambda trial: (trial.behind, trial.multiple)).multiple


def compare_multiples(
    run: Run, held_out: Sequence[Example], answers: Mapping[float, list[Any] | None]
) -> tuple[RateTrial, ...]:
    """Return a trial for each multiple, beside the best of those that ended in finite numbers."""
    ended = {multiple: given for multiple, given in answers.items() if given is not None}

    def value(multiple: float, rows: Sequence[int]) -> float:
        given, examples = ended[multiple], [held_out[row] for row in rows]
        return run.task.metrics(examples, [given[row] for row in rows])[run.metric]

    found = {multiple: value(multiple, range(len(held_out))) for multiple in ended}
    best = max(found, key=lambda multiple: (found[multiple], -multiple), default=0.0)

    def trial(multiple: float) -> RateTrial:
        if multiple not in found:
            return RateTrial(multiple, None, 0.0, 0.0)
        error = 0.0
        if multiple != best:
            error = standard_error(
                lambda rows: (value(best, rows), value(multiple, rows)), len(held_out), run.options.seed
            )
        return RateTrial(multiple, found[multiple], found[best] - found[multiple], error)

    return tuple(map(trial, answers))
