"""Training of many packs on one base, several in every pass."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import torch

from bitfit_exporters.read_back import rebuild_encoder
from bitfit_runtime import Base, BitfitError, Engine
from bitfit_toolkit.data import Columns, Data, Reading
from bitfit_toolkit.errors import TrainingError
from bitfit_toolkit.reports.data_notes import data_notes
from bitfit_toolkit.tasks import Example, TrainableTask
from bitfit_toolkit.training.distributed import process_count
from bitfit_toolkit.training.model import first_layer
from bitfit_toolkit.training.options import AT_ONCE, TrainOptions
from bitfit_toolkit.training.rate_choice import RateChoice, choose_multiple
from bitfit_toolkit.training.recovery import Attempts, Outcome
from bitfit_toolkit.training.run import Run
from bitfit_toolkit.training.run_data import read, read_data
from bitfit_toolkit.training.shared.config import RunConfig
from bitfit_toolkit.training.shared.row_biases import RowBiases
from bitfit_toolkit.training.shared.run_checks import check_sharing
from bitfit_toolkit.training.shared.runs import SharedRun, fit_together
from bitfit_toolkit.training.starts import StartChoice, settle_start
from bitfit_toolkit.training.steps import rounds_of, settle_steps
from bitfit_toolkit.training.task_data import TaskData
from bitfit_toolkit.training.train import Learned, TrainReport, check_data, check_output, conclude
from bitfit_toolkit.training.trunk import Trunk, Trunks


def train_shared(
    base: str | Path | Base,
    configs: Sequence[RunConfig],
    at_once: int | None = None,
    notify: Callable[[int, int], None] = lambda done, steps: None,
) -> Iterator[TrainReport]:
    """Train each run as it would be trained alone, `at_once` of them in every pass, and yield their reports.

    By default these are 8 on a GPU and 1 on a CPU, which gains nothing from larger batches. Either way runs that read
    the same texts have one trunk. A pack is written as soon as its group has finished. What sharing changes is rounding
    alone. `notify` gets the steps that a group has done and its steps in all. Raises TrainingError and DataError before
    anything is trained, and the first TrainingError of a run whose pack could not be made after all the others were.
    """
    base = base if isinstance(base, Base) else Base.open(base)
    if at_once is not None and at_once < 1:
        raise TrainingError(f"`at_once` should be at least 1, found {at_once}; change the option and try again")
    if process_count() > 1:
        raise TrainingError("runs that share passes train in one process; start bitfit without torchrun")
    loaded = load_runs(base, configs)
    on_gpu = bool(configs) and configs[0].options.device != "cpu" and torch.cuda.is_available()
    return _train(base, loaded, at_once or (AT_ONCE if on_gpu else 1), notify)


def load_runs(base: Base, configs: Sequence[RunConfig]) -> "list[LoadedRun]":
    """Read the examples of all runs, each file once, and check them. Raises TrainingError and DataError."""
    read_file = cache(read)
    loaded: list[LoadedRun] = []
    for config in configs:
        check_sharing(config.options, configs[0].options)
        loaded.append(_load(config, read_file))
        check_data(base, loaded[-1].train, loaded[-1].evaluation, config.options)
        check_output(config.output)
    return loaded


@dataclass(frozen=True, slots=True)
class LoadedRun:
    """A run whose data were read.

    `start` says how its first layer was chosen, and `rate` its rates, in `seconds`, where they were auto. `rounds` is
    as in `rounds_of`, `rows` as in `RunData`.
    """

    options: TrainOptions
    output: str | Path
    train: list[Example]
    evaluation: list[Example]
    notes: tuple[str, ...]
    start: StartChoice | None = None
    rate: RateChoice | None = None
    seconds: float = 0.0
    rounds: int = 1
    rows: tuple[int, ...] | None = None

    @property
    def from_layer(self) -> int:
        """The first layer that learns."""
        return first_layer(self.options)

    def all_notes(self, task: TrainableTask[Any, Any]) -> tuple[str, ...]:
        """Return the notes on how the data were read, and those on what they are."""
        return (*self.notes, *data_notes(task, self.train, self.evaluation))


def _load(config: RunConfig, read_file: Callable[[str | Path, Columns, str], Reading]) -> LoadedRun:
    """Return a run with its examples; `read_file` reads a file once for all runs."""

    def read_once(data: Data, columns: Columns, task_type: str) -> Reading:
        return read_file(data, columns, task_type) if isinstance(data, (str, Path)) else read(data, columns, task_type)

    found = read_data(config.train, config.evaluation, config.columns, config.options, read_once)
    return LoadedRun(config.options, config.output, found.train, found.evaluation, found.notes, rows=found.rows)


def _settle(base: Base, loaded: LoadedRun, encoder: torch.nn.Module) -> LoadedRun:
    """Choose the first layer and the rates of a run where they are auto, for each run by itself."""
    began = time.perf_counter()
    options, start = settle_start(base, loaded.train, settle_steps(loaded.options, len(loaded.train)), encoder)
    rate = choose_multiple(base, loaded.train, options, encoder)
    rounds = rounds_of(loaded.options, len(loaded.train))
    return replace(loaded, options=options, start=start, rate=rate, seconds=time.perf_counter() - began, rounds=rounds)


def _train(
    base: Base, loaded: Sequence[LoadedRun], at_once: int, notify: Callable[[int, int], None]
) -> Iterator[TrainReport]:
    encoder = rebuild_encoder(base)
    settled = [_settle(base, own, encoder) for own in loaded]
    settled.sort(key=lambda own: own.from_layer)  # a group shares what lies below the first layer of all its runs
    rows, trunks = (
        RowBiases(encoder, base.manifest),
        Trunks(encoder, base.manifest, [own.from_layer for own in settled]),
    )
    engine = Engine(base, threads=torch.get_num_threads())
    failures: list[TrainingError] = []
    for start in range(0, len(loaded), at_once):
        group, began = settled[start : start + at_once], time.perf_counter()
        runs = [Run.start(base, own.train, own.options, encoder, trunks) for own in group]
        runs[0].model.load_tensors(base.default_biases)  # which every attempt begins with
        waiting = [Waiting.of(own, run, began) for run, own in zip(runs, group, strict=True)]
        for one in _fit(waiting, rows, notify, trunks.below(min(own.from_layer for own in group))):
            learned = one.learned.ended(Outcome(one.attempts.choice, rounds=one.attempts.number))
            try:
                report = conclude(one.run, engine, (one.data, one.evaluation), one.loaded.output, learned)
            except BitfitError as error:  # of a run that diverged, say, whose siblings did not
                failures.append(TrainingError(f"{one.loaded.output}: {error}"))
            else:
                yield report
    if failures:
        raise failures[0]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A run of a group that has not ended yet."""

    loaded: LoadedRun
    run: Run
    data: TaskData
    evaluation: TaskData
    learned: Learned
    attempts: Attempts

    @classmethod
    def of(cls, loaded: LoadedRun, run: Run, began: float) -> "Waiting":
        """Return a run that has learned nothing yet."""
        data, evaluation = map(run.preprocessor.prepare, (loaded.train, loaded.evaluation))
        learned = Learned.of(run, data, began - loaded.seconds, loaded.all_notes(run.task), loaded.start)
        learned = replace(learned, rows=loaded.rows)
        attempts = Attempts(run, data, evaluation, loaded.rate, loaded.rounds)
        return cls(loaded, run, data, evaluation, learned, attempts)

    def shared(self) -> SharedRun:
        """Return the part of its next attempt in the passes of its group."""
        new = self.evaluation if self.attempts.is_first_of_several else None
        return SharedRun(self.run, self.data, self.attempts.multiple, self.attempts.begun, new)


def _fit(
    waiting: Sequence[Waiting], rows: RowBiases, notify: Callable[[int, int], None], trunk: Trunk | None
) -> Iterator[Waiting]:
    """Train runs together, some once more as `Attempts` says, and yield each while its model holds what it learned."""
    first = waiting[0].run
    while waiting:
        first.model.load_tensors(first.base.default_biases)  # in place of those of the task that ended last
        first.model.encoder.requires_grad_(False).eval()
        shared = [one.shared() for one in waiting]
        fit_together(shared, rows, notify, trunk)
        again: list[Waiting] = []
        for one, trained in zip(waiting, shared, strict=True):
            trained.finish()
            if one.attempts.another(trained.halfway):
                again.append(one)
            else:
                yield one
        waiting = again
