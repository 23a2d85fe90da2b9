"""The table of the paper, cell by cell in an order in which each tells most of what is still open.

    python -m methods.paper --data FOLDER [--model MODEL] [--output FOLDER] [--seeds N] [--minutes N]

BitFit runs by the default recipe: the rates that are measured, not tuned, in the time of full fine-tuning's 250 steps,
and in the steps that `--epochs auto` takes. Full fine-tuning and the others choose their rate with seed 0, on the rows
held out. What is found in `cells.jsonl` is not run again; with `--minutes` no cell is begun after that time.
"""

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import torch

from bitfit_runtime import Base
from bitfit_toolkit import TrainOptions
from bitfit_toolkit.compare import CellFile, Comparison, Plan
from bitfit_toolkit.training.steps import auto_steps
from harness.datasets import DATASETS, Dataset, at_most
from harness.options import make_parser, results_of, silence
from harness.products import through_onednn
from methods.run import default_model, open_base

ROWS: Final = 1000
PLAN: Final = Plan(sizes=(ROWS,), steps=250)
RECIPE: Final = ("bitfit", "q,m2")  # methods whose rates are measured
WEIGHT_RATES: Final = (1e-4, 3e-4)  # of full fine-tuning: 1e-3 and 3e-5 were worse on each of six tasks
MORE_STEPS: Final = 2000
HUNGRY: Final = ("foreign", "wnut17")  # tasks on which 250 steps are far too few


@dataclass(frozen=True, slots=True)
class Job:
    """Cells of one task and method: so many steps, these seeds, and rates to try where the method does not choose."""

    task: str
    method: str
    steps: int
    seeds: tuple[int, ...]
    rates: tuple[float, ...] | None = None


def jobs(tasks: Sequence[str], seeds: int) -> Iterator[Job]:
    """Yield what is run, in its order: equal time by seed, more steps where they tell most, heads, then all else."""
    every, hungry = tuple(range(seeds)), [task for task in tasks if task in HUNGRY]
    for seed in every[:2]:
        yield from (job for task in tasks for job in equal_time(task, seed))
    yield from (job for task in hungry for job in more_steps(task, (0,)))
    for seed in every[2:]:
        yield from (job for task in tasks for job in equal_time(task, seed))
    yield from (Job(task, "head", PLAN.steps, every) for task in tasks)
    yield from (job for task in tasks for job in more_steps(task, every))
    for task in hungry:
        yield Job(task, "bitfit", MORE_STEPS, (0,), (1.0,))
        yield Job(task, "full", MORE_STEPS // 2, (0,), WEIGHT_RATES)
    yield from (Job(task, "q,m2", PLAN.steps_in_time(ROWS, True), every, (1.0,)) for task in tasks)
    yield from (Job(task, name, PLAN.steps, every) for name in ("lora", "random") for task in tasks)


def equal_time(task: str, seed: int) -> Iterator[Job]:
    """Yield BitFit in the time of full fine-tuning, and that."""
    yield Job(task, "bitfit", PLAN.steps_in_time(ROWS, True), (seed,), (1.0,))
    yield Job(task, "full", PLAN.steps, (seed,), WEIGHT_RATES)


def more_steps(task: str, seeds: tuple[int, ...]) -> Iterator[Job]:
    """Yield BitFit in the steps that it takes by default, and full fine-tuning in twice as many as at first."""
    yield Job(task, "bitfit", recipe_steps(task), seeds, (1.0,))
    yield Job(task, "full", 2 * PLAN.steps, seeds, WEIGHT_RATES)


def recipe_steps(task: str) -> int:
    """Return the steps that training takes by default."""
    return auto_steps(TrainOptions(task_type=DATASETS[task].task_type), ROWS)


def main() -> None:
    arguments = parse_arguments()
    silence()
    torch.set_num_threads(arguments.threads)
    through_onednn()
    ends = time.monotonic() + 60 * arguments.minutes
    bases = open_base(arguments.base, arguments, "int8"), open_base(arguments.reference, arguments, "fp32")
    cells = CellFile(arguments.output / "cells.jsonl")
    for job in jobs(arguments.tasks, arguments.seeds):
        if arguments.methods and job.method not in arguments.methods:
            continue
        comparison = comparison_of(DATASETS[job.task], arguments, bases, cells)
        for cell in comparison.cells(job.method, ROWS, job.steps, job.seeds, job.rates):
            print(json.dumps(asdict(cell)), flush=True)
            if time.monotonic() > ends:
                return


def comparison_of(
    dataset: Dataset, arguments: argparse.Namespace, bases: tuple[Base, Base], cells: CellFile
) -> Comparison:
    """Return the harness of one task."""
    training, evaluation = dataset.load(arguments.data)
    options = TrainOptions(
        task=dataset.task,
        task_type=dataset.task_type,
        metric_for_best_model=dataset.metric,
        num_train_epochs=4,
        max_length=96,
    )
    plan = Plan(sizes=PLAN.sizes, steps=PLAN.steps, options=options)
    return Comparison(bases[0], training, at_most(evaluation, arguments.eval_rows), plan, cells, bases[1])


def parse_arguments() -> argparse.Namespace:
    parser = make_parser(__doc__, results_of("methods"))
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--model", default=default_model(), help="checkpoint to export where no base is given")
    parser.add_argument("--base", type=Path, help="int8 base")
    parser.add_argument("--reference", type=Path, help="float32 base of the same checkpoint")
    parser.add_argument("--tasks", nargs="*", default=list(DATASETS), choices=list(DATASETS), help="run just these")
    parser.add_argument("--methods", nargs="*", help="run just these")
    parser.add_argument("--eval-rows", type=int, default=1000, help="evaluate on at most so many rows")
    parser.add_argument("--seeds", type=int, default=3, help="runs of each method")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin no further cell after so long")
    parser.add_argument("--threads", type=int, default=1, help="threads of torch")
    return parser.parse_args()


if __name__ == "__main__":
    main()
