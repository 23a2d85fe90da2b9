"""The measurements of the precisions suite, for the bases of one model by their precision."""

import random
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TypeAlias

from bitfit_runtime import Base
from bitfit_toolkit import TrainOptions, TrainReport, train
from harness.clock import Arms, Figures, interleaved
from harness.datasets import DATASETS, at_most
from harness.models import export_report
from harness.packs import task_feeds, write_random_packs
from harness.sessions import open_session
from harness.tokens import random_tokens
from speed.plan import FULL
from speed.processes import answer_in_process, our_command

Bases: TypeAlias = Mapping[str, Base]

RATES = {"sst2": 3e-3, "banking77": 1e-2, "stsb": 1e-2}  # learning rates by task, as `methods` found them best
EXAMPLES, STEPS, SEEDS = 1000, 250, 3
SEQUENCES = (16, 128)
STARTS = 3


def sizes(bases: Bases) -> Arms:
    """Return the bytes of the bases, and the relative L2 of their pooled vectors from torch's."""
    found = {}
    for precision, base in bases.items():
        exported = export_report(base)
        distances = {key: exported[key] for key in ("parity_mean", "parity_error", "row_error")}
        found[precision] = distances | {"bytes": sum(path.stat().st_size for path in base.folder.iterdir())}
    return found


def latencies(bases: Bases, sequence: int) -> Arms:
    """Return milliseconds for one text of `sequence` tokens."""
    runs = {}
    for precision, base in bases.items():
        feeds = {**random_tokens(1, sequence), **task_feeds(base, 0)}
        runs[precision] = partial(open_session(base.model_path, 1).run, ["logits"], feeds)
    return interleaved(runs, FULL.rounds, FULL.seconds)


def processes(bases: Bases) -> Arms:
    """Return the milliseconds of fresh processes to their first answer (the least), and megabytes of the last one."""
    found: dict[str, Figures] = {}
    for turn in range(STARTS + 1):
        for precision, base in bases.items():
            measured = answer_in_process(our_command(base.folder, write_random_packs(base, 1), 1))
            if turn:  # the first fills the page cache
                best = min(measured["first_answer_ms"], found.get(precision, measured)["first_answer_ms"])
                found[precision] = measured | {"first_answer_ms": best}
    return found


def accuracy(base: Base, task: str, seed: int, data: Path, work: Path) -> Arms:
    """Train a pack and return its metric in the engine and in torch."""
    report = train_task(base, task, RATES[task], seed, data, work / "precisions.safetensors")
    figures = {"engine": report.engine[report.metric], "torch": report.torch[report.metric], "metric": report.metric}
    return {base.manifest.precision: figures}


def train_task(base: Base, task: str, rate: float, seed: int, data: Path, output: Path) -> TrainReport:
    """Train a pack on some rows of a data set."""
    dataset = DATASETS[task]
    training, evaluation = dataset.load(data)
    options = TrainOptions(
        task=task,
        task_type=dataset.task_type,
        metric_for_best_model=dataset.metric,
        max_steps=STEPS,
        learning_rate=rate,
        seed=seed,
        max_length=96,
        encoding="int8",
    )
    chosen = random.Random(seed).sample(training, EXAMPLES)
    return train(base, chosen, at_most(evaluation, EXAMPLES), output, options)
