"""Trains the packs of many assignments on one base."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch

from bitfit_exporters.read_back import rebuild_encoder
from bitfit_runtime import Base, BitfitError, Engine
from bitfit_toolkit.data import load_examples
from bitfit_toolkit.errors import TrainingError
from bitfit_toolkit.tasks import TRAINABLE_TASKS, Example
from bitfit_toolkit.training.checks import check_options, check_output
from bitfit_toolkit.training.distributed import process_count
from bitfit_toolkit.training.learner import Learner
from bitfit_toolkit.training.options import TrainOptions
from bitfit_toolkit.training.shared.config import RunConfig
from bitfit_toolkit.training.shared.fit import Student, fit_many
from bitfit_toolkit.training.shared.row_biases import RowBiases
from bitfit_toolkit.training.terms import resolve_terms
from bitfit_toolkit.training.train import TrainReport, conclude

AT_ONCE = 8
# A run that shares its passes with others cannot choose these.
ALONE = ("dropout", "simulate_int8", "early_stopping", "checkpoints", "resume", "tensorboard", "accumulation")


def train_shared(
    base: str | Path | Base,
    assignments: Sequence[RunConfig],
    at_once: int = AT_ONCE,
    notify: Callable[[int, int], None] = lambda done, steps: None,
) -> Iterator[TrainReport]:
    """Train each assignment as it would be trained alone, `at_once` of them in every pass, and yield their reports.

    A pack is written as soon as its group has finished. What sharing changes is rounding alone. `notify` gets the steps
    that a group has done and its steps in all. Raises TrainingError and DataError before anything is trained, and the
    first TrainingError of a run whose pack could not be made after all the others were.
    """
    base = base if isinstance(base, Base) else Base.open(base)
    if at_once < 1:
        raise TrainingError(f"at least one run should be trained at once, found {at_once}; change the option")
    if process_count() > 1:
        raise TrainingError("runs that share passes train in one process; start bitfit without torchrun")
    read = cache(lambda path, columns, task_type: load_examples(path, columns, task_type=task_type))
    jobs = []
    for own in assignments:
        examples, evaluation = (read(p, own.columns, own.options.task_type) for p in (own.train, own.evaluation))
        job = Job(own.options, examples, evaluation, own.output)
        _check(job, assignments[0].options, base)
        jobs.append(job)
    return _train(base, jobs, at_once, notify)


@dataclass(frozen=True, slots=True)
class Job:
    """An assignment whose files were read."""

    options: TrainOptions
    examples: Sequence[Example]
    evaluation: Sequence[Example]
    output: Path


def _train(base: Base, jobs: Sequence[Job], at_once: int, notify: Callable[[int, int], None]) -> Iterator[TrainReport]:
    encoder = rebuild_encoder(base)
    rows = RowBiases(encoder, base.manifest)
    engine = Engine(base, threads=torch.get_num_threads())
    failures: list[TrainingError] = []
    for start in range(0, len(jobs), at_once):
        group, began = jobs[start : start + at_once], time.perf_counter()
        learners = [Learner(base, job.examples, job.options, encoder) for job in group]
        learners[0].model.load_tensors(base.default_biases)  # the group before left those of its last task
        encoder.requires_grad_(False).eval()
        students = [Student(one, one.batches.encode(job.examples)) for one, job in zip(learners, group, strict=True)]
        fit_many(students, rows, notify)
        for job, student in zip(group, students, strict=True):
            student.finish()
            items = student.learner.batches.encode(job.evaluation)
            try:
                report = conclude(student.learner, engine, job.evaluation, items, job.output, began)
            except BitfitError as error:  # of a run that diverged, say, whose siblings did not
                failures.append(TrainingError(f"{job.output}: {error}"))
            else:
                yield report
    if failures:
        raise failures[0]


def _check(job: Job, first: TrainOptions, base: Base) -> None:
    options, plain = job.options, TrainOptions()
    check_options(options)
    for name in ALONE:
        if getattr(options, name) != getattr(plain, name):
            raise TrainingError(f"{name.replace('_', ' ')} cannot be shared; train {options.task!r} alone for that")
    if options.precision == "fp16":
        raise TrainingError("fp16 rescales losses, which runs cannot share; use bf16 or fp32")
    if (options.precision, options.device) != (first.precision, first.device):
        raise TrainingError("runs that share passes share precision and device; choose one of each for all")
    resolve_terms(options.terms, base.manifest)
    kind = TRAINABLE_TASKS[options.task_type](job.examples)
    kind.check_labels(job.evaluation, kind.labels)
    for example in (*job.examples, *job.evaluation):
        kind.inputs(example)
    check_output(job.output)
