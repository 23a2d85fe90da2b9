"""The table of the paper, cell by cell in an order in which each tells most of what is still open.

    python -m methods.paper --data FOLDER [--model MODEL] [--output FOLDER] [--seeds N] [--minutes N] [--large]

BitFit runs by the default recipe: the rates that are measured, not tuned, in the time of full fine-tuning's 250 steps,
and in the steps that `--epochs auto` takes. Full fine-tuning and the others choose their rate with seed 0, on the rows
held out. What is found in `cells.jsonl` is not run again; with `--minutes` no cell is begun after that time.
`--large` is the table of an encoder of BERT-base's size: four methods.
"""

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import torch

from bitfit_runtime import Base
from bitfit_toolkit import TrainOptions
from bitfit_toolkit.compare import CellFile, Comparison, Plan, summarize, write_tables
from harness.datasets import DATASETS, Dataset, at_most
from harness.options import make_parser, results_of, silence
from harness.products import through_onednn
from methods.jobs import Amount, Job, large_jobs, small_jobs
from methods.run import default_model, open_base


def main() -> None:
    arguments = parse_arguments()
    silence()
    torch.set_num_threads(arguments.threads)
    ends = time.monotonic() + 60 * arguments.minutes
    bases = open_base(arguments.base, arguments, "int8"), open_base(arguments.reference, arguments, "fp32")
    through_onednn()  # not before: a patched layer cannot be captured
    cells = CellFile(arguments.output / "cells.jsonl")
    amount = Amount(arguments.examples, arguments.steps, arguments.seeds)
    jobs = (large_jobs if arguments.large else small_jobs)(arguments.tasks, amount)
    ended = run(jobs, arguments, bases, cells, ends)
    write_tables(summarize(cells.cells), arguments.output)
    print("every cell is there" if ended else "stopped for the time; the same command goes on", flush=True)


def run(
    jobs: Iterator[Job], arguments: argparse.Namespace, bases: tuple[Base, Base], cells: CellFile, ends: float
) -> bool:
    """Run the missing cells of jobs until the time is over; True where none is missing then."""
    for job in jobs:
        if arguments.methods and job.method not in arguments.methods:
            continue
        comparison = comparison_of(DATASETS[job.task], arguments, bases, cells)
        for cell in comparison.cells(job.method, arguments.examples, job.steps, job.seeds, job.rates):
            print(json.dumps(asdict(cell)), flush=True)
            if time.monotonic() > ends:
                return False
    return True


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
    plan = Plan(sizes=(arguments.examples,), steps=arguments.steps, options=options)
    return Comparison(bases[0], training, at_most(evaluation, arguments.eval_rows), plan, cells, bases[1])


def parse_arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    parser = make_parser(__doc__, results_of("methods") / "paper")
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--model", default=default_model(), help="checkpoint to export where no base is given")
    parser.add_argument("--base", type=Path, help="int8 base")
    parser.add_argument("--reference", type=Path, help="float32 base of the same checkpoint")
    parser.add_argument("--large", action="store_true", help="the table of a larger encoder")
    parser.add_argument("--tasks", nargs="*", default=list(DATASETS), choices=list(DATASETS), help="run just these")
    parser.add_argument("--methods", nargs="*", help="run just these")
    parser.add_argument("--examples", type=int, default=1000, help="training rows")
    parser.add_argument("--steps", type=int, default=250, help="steps of full fine-tuning")
    parser.add_argument("--eval-rows", type=int, default=1000, help="evaluate on at most so many rows")
    parser.add_argument("--seeds", type=int, default=3, help="runs of each method")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin no further cell after so long")
    parser.add_argument("--threads", type=int, default=1, help="threads of torch")
    return parser.parse_args(given)


if __name__ == "__main__":
    main()
