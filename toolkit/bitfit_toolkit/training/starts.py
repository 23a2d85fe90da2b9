"""Start of a run: the first layer whose biases learn, as given, or chosen on rows held out of the training rows."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import torch

from bitfit_exporters.branching import default_branches
from bitfit_exporters.read_back import rebuild_encoder
from bitfit_runtime import Base
from bitfit_runtime.formats import Manifest
from bitfit_toolkit.errors import TrainingError
from bitfit_toolkit.tasks import TRAINABLE_TASKS, Example
from bitfit_toolkit.training.distributed import process_count
from bitfit_toolkit.training.held_out import hold_out
from bitfit_toolkit.training.model import resolve_terms
from bitfit_toolkit.training.options import AUTO, TrainOptions
from bitfit_toolkit.training.run import Run
from bitfit_toolkit.training.steps import steps_of
from bitfit_toolkit.training.trainer import fit
from bitfit_toolkit.training.trunk import Trunks

FEWEST_HELD_OUT: Final = 50
RESAMPLES: Final = 60


@dataclass(frozen=True, slots=True)
class StartTrial:
    """What training from one layer on gave: `value` is the metric on the rows held out.

    `behind` is how far that is below the best start's, `standard_error` that of the difference, paired over rows.
    """

    from_layer: int
    value: float
    behind: float
    standard_error: float


@dataclass(frozen=True, slots=True)
class StartChoice:
    """The chosen first layer, of `layers`, and what each start gave on `held_out` rows of the training rows.

    There are no trials where there were too few rows to decide by.
    """

    from_layer: int
    layers: int
    held_out: int
    trials: tuple[StartTrial, ...]

    def notes(self) -> list[str]:
        """Return what a user should know."""
        if self.trials:
            return []
        return [
            f"from_layer auto holds out a quarter of the training rows, {self.held_out} here, and needs "
            f"{FEWEST_HELD_OUT} to decide by: every layer learns"
        ]


def candidate_starts(base: Manifest) -> tuple[int, ...]:
    """Return layer 0 and the base's branch points; those of a new base where it has none."""
    return 0, *(base.branches or default_branches(base.layers))


def settle_start(
    base: Base,
    examples: Sequence[Example],
    options: TrainOptions,
    encoder: torch.nn.Module | None = None,
    labelled: Sequence[Example] = (),
) -> tuple[TrainOptions, StartChoice | None]:
    """Return options whose `from_layer` is a number, and how it was chosen where it was auto.

    Auto trains once from each candidate on three quarters of the training `examples`, and takes the deepest start
    whose metric on the last quarter is within one standard error of the best. `encoder` is as in `build_model`; it is
    given back with the base's biases. Labels are those of `labelled`, by default of the examples. Raises TrainingError.
    """
    if options.from_layer != AUTO:
        return options, None
    if process_count() > 1:
        raise TrainingError("`from_layer` auto trains in one process; start without torchrun, or name a layer")
    learning, held_out = hold_out(examples, options.seed)
    layers = base.manifest.layers
    if len(held_out) < FEWEST_HELD_OUT:
        return replace(options, from_layer=0), StartChoice(0, layers, len(held_out), ())
    encoder = encoder or rebuild_encoder(base)
    starts, trial = _possible(base.manifest, options), _trial_options(options, len(examples))
    trunks = None if options.dropout or options.simulate_int8 else Trunks(encoder, base.manifest, starts)
    answers: dict[int, list[Any]] = {}
    for start in reversed(starts):  # so that the first pass over a text serves the later ones
        run = Run.start(base, labelled or examples, replace(trial, from_layer=start), encoder, trunks)
        data = run.prepare(held_out)
        fit(run, run.prepare(learning), data)
        answers[start] = run.answers(data)
        run.model.load_tensors(base.default_biases)
    trials = compare_starts(run, held_out, answers)
    chosen = max(trial.from_layer for trial in trials if trial.behind <= trial.standard_error)
    return replace(options, from_layer=chosen), StartChoice(chosen, layers, len(held_out), trials)


def compare_starts(run: Run, held_out: Sequence[Example], answers: dict[int, list[Any]]) -> tuple[StartTrial, ...]:
    """Return a trial for each start. The standard error of a difference is a bootstrap's over rows (Efron, 1979)."""

    def values(rows: Sequence[int]) -> dict[int, float]:
        examples = [held_out[row] for row in rows]
        return {
            start: run.task.metrics(examples, [given[row] for row in rows])[run.metric]
            for start, given in answers.items()
        }

    found = values(range(len(held_out)))
    best = max(found, key=lambda start: (found[start], start))
    generator = np.random.default_rng(run.options.seed)
    drawn = [values(generator.integers(len(held_out), size=len(held_out)).tolist()) for _ in range(RESAMPLES)]
    return tuple(
        StartTrial(
            from_layer=start,
            value=value,
            behind=found[best] - value,
            standard_error=float(np.std([one[best] - one[start] for one in drawn])),
        )
        for start, value in sorted(found.items())
    )


def _trial_options(options: TrainOptions, rows: int) -> TrainOptions:
    """Return options for a run on some of the rows: as many steps as one on all of them takes, and no files of its own.

    With fewer steps, tasks that need the lower layers had not yet begun to show it.
    """
    return replace(
        options,
        max_steps=steps_of(options, rows),
        checkpoints=None,
        resume_from_checkpoint=False,
        tensorboard=None,
        report=None,
    )


def _possible(base: Manifest, options: TrainOptions) -> list[int]:
    """Return the candidates from which something can learn: without a head, not those above every bias."""
    has_head = TRAINABLE_TASKS[options.task_type].task_type.has_head
    starts = candidate_starts(base)
    return [start for start in starts if has_head or resolve_terms(options.terms, base, start)[1]]
