"""Start of a run: the first layer whose biases learn, as given, or chosen on rows held out of the training rows."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from bitfit_exporters.branching import default_branches
from bitfit_exporters.read_back import rebuild_encoder
from bitfit_runtime import Base
from bitfit_runtime.formats import Manifest
from bitfit_toolkit.errors import TrainingError
from bitfit_toolkit.tasks import TRAINABLE_TASKS, Example
from bitfit_toolkit.training.distributed import process_count
from bitfit_toolkit.training.model import resolve_terms
from bitfit_toolkit.training.options import AUTO, TrainOptions
from bitfit_toolkit.training.start_trials import FEWEST_ROWS, StartTrial, StartTrials


@dataclass(frozen=True, slots=True)
class StartChoice:
    """The chosen first layer, of `layers`, how it was chosen from `rows` training rows, and in how many `runs`.

    There are no trials where there were too few rows to decide by. Starts below the chosen one were not tried.
    """

    from_layer: int
    layers: int
    rows: int
    runs: int
    trials: tuple[StartTrial, ...]

    def notes(self) -> list[str]:
        """Return what a user should know."""
        if self.rows >= FEWEST_ROWS:
            return []
        return [
            f"from_layer auto needs {FEWEST_ROWS} training rows to decide by, found {self.rows}: every layer learns"
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

    Auto takes the deepest start that is no worse than every layer on rows of `examples` held out of training. The
    lowest start is tried first: where even that one costs, no deeper one is tried. Then they are tried from the top.
    `encoder` is as in `build_model`; it is given back with the base's biases. Labels are those of `labelled`, by
    default of the examples. Raises TrainingError.
    """
    if options.from_layer != AUTO:
        return options, None
    if process_count() > 1:
        raise TrainingError("`from_layer` auto trains in one process; start without torchrun, or name a layer")
    layers = base.manifest.layers
    if len(examples) < FEWEST_ROWS:
        return replace(options, from_layer=0), StartChoice(0, layers, len(examples), 0, ())
    starts = _possible(base.manifest, options)
    trials = StartTrials(base, examples, options, encoder or rebuild_encoder(base), starts, labelled)
    tried = _try(trials, starts[1:])
    chosen = max((trial.from_layer for trial in tried if trial.holds), default=0)
    return replace(options, from_layer=chosen), StartChoice(chosen, layers, len(examples), trials.runs, tried)


def _try(trials: StartTrials, starts: Sequence[int]) -> tuple[StartTrial, ...]:
    """Return the trials that it takes to find the deepest of `starts` that holds, in their order."""
    tried = [trials.of(start) for start in starts[:1]]
    if tried and tried[0].holds:
        for start in reversed(starts[1:]):
            tried.append(trials.of(start))
            if tried[-1].holds:
                break
    return tuple(sorted(tried, key=lambda trial: trial.from_layer))


def _possible(base: Manifest, options: TrainOptions) -> list[int]:
    """Return the candidates from which something can learn: without a head, not those above every bias."""
    has_head = TRAINABLE_TASKS[options.task_type].task_type.has_head
    starts = candidate_starts(base)
    return [start for start in starts if has_head or resolve_terms(options.terms, base, start)[1]]
