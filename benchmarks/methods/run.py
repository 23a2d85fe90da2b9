"""BitFit beside full fine-tuning, LoRA and others on eight tasks, as `bitfit compare` does it for one.

    python -m methods.run --data FOLDER [--model MODEL] [--output FOLDER]

`--data` holds `TASK/{train,dev}.jsonl`, and `banking77/{train,test}.csv`; two tasks are made by grammars. First every
method on every task, then the curve of accuracy against training examples and longer runs of hard tasks. Each run is
written as it finishes; a second call goes on where the first stopped. Several processes may share the bases if each has
tasks and an output of its own; their `cells.jsonl` then go into one file. Without `--base` and `--reference` the model
is exported first.
"""

import argparse
import json
from dataclasses import asdict, replace
from pathlib import Path

import torch

from bitfit_exporters import ExportOptions, export
from bitfit_runtime import Base
from bitfit_toolkit import TrainOptions
from bitfit_toolkit.compare import DEFAULT_METHODS, CellFile, Comparison, Plan, summarize, write_tables
from bitfit_toolkit.compare.plots import draw
from harness.datasets import DATASETS, Dataset, at_most
from harness.models import installed_minilm
from harness.options import make_parser, results_of

MAIN = Plan(DEFAULT_METHODS, sizes=(1000,), steps=250)
CURVE = Plan(("full", "bitfit", "head"), sizes=(100, 300))
LONGER = Plan(("full", "bitfit"), sizes=(1000,))
# By task, what is run beyond MAIN, and in how many steps: tasks with many labels and hard ones learn longer.
FURTHER = {
    "sst2": replace(CURVE, steps=125),
    "banking77": replace(CURVE, steps=250),
    "cola": replace(LONGER, steps=1000),
    "wnut17": replace(LONGER, steps=500),
}


def main() -> None:
    arguments = parse_arguments()
    torch.set_num_threads(arguments.threads)
    base = open_base(arguments.base, arguments, "int8")
    reference = open_base(arguments.reference, arguments, "fp32")
    cells = CellFile(arguments.output / "cells.jsonl")
    for dataset, plan in plans_of(arguments):
        training, evaluation = dataset.load(arguments.data)
        options = TrainOptions(
            task=dataset.task,
            task_type=dataset.task_type,
            metric_for_best_model=dataset.metric,
            num_train_epochs=4,
            precision=arguments.precision,
            max_length=96,
        )
        own = replace(plan, options=options)
        comparison = Comparison(base, training, at_most(evaluation, arguments.eval_rows), own, cells, reference)
        comparison.run(lambda cell: print(json.dumps(asdict(cell)), flush=True))
    table = summarize(cells.cells)
    write_tables(table, arguments.output)
    draw(table, arguments.output)


def parse_arguments() -> argparse.Namespace:
    parser = make_parser(__doc__, results_of("methods"))
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--model", default=default_model(), help="checkpoint to export where no base is given")
    parser.add_argument("--base", type=Path, help="int8 base")
    parser.add_argument("--reference", type=Path, help="float32 base of the same checkpoint")
    parser.add_argument("--tasks", nargs="*", default=list(DATASETS), choices=list(DATASETS), help="run just these")
    parser.add_argument("--methods", nargs="*", help="run just these, and nothing further")
    parser.add_argument("--examples", nargs="*", type=int, help="run just these sizes, 0 for all, and nothing further")
    parser.add_argument("--eval-rows", type=int, default=1000, help="evaluate on at most so many rows")
    parser.add_argument("--steps", type=int, default=MAIN.steps, help="steps of the runs of every method")
    parser.add_argument("--seeds", type=int, default=MAIN.seeds, help="runs of each method")
    parser.add_argument("--threads", type=int, default=2, help="threads of torch")
    parser.add_argument("--precision", default="fp32", help="precision of training")
    return parser.parse_args()


def plans_of(arguments: argparse.Namespace) -> list[tuple[Dataset, Plan]]:
    """Return what is run in its order: every method on every task, then what goes further."""
    datasets = [DATASETS[task] for task in arguments.tasks]
    first = replace(MAIN, steps=arguments.steps, seeds=arguments.seeds)
    if arguments.methods or arguments.examples:
        methods, sizes = arguments.methods or MAIN.methods, arguments.examples or MAIN.sizes
        return [(dataset, replace(first, methods=tuple(methods), sizes=tuple(sizes))) for dataset in datasets]
    further = [dataset for dataset in datasets if dataset.task in FURTHER]
    return [
        *((dataset, first) for dataset in datasets),
        *((dataset, replace(FURTHER[dataset.task], seeds=arguments.seeds)) for dataset in further),
    ]


def default_model() -> str:
    """Return all-MiniLM-L6-v2 from the package that `make` installs, else its short name."""
    return str(installed_minilm() or "minilm")


def open_base(given: Path | None, arguments: argparse.Namespace, precision: str) -> Base:
    """Open the given base, or one exported beside the results, once."""
    folder: Path = given or arguments.output / f"base-{precision}"
    if given is None and not folder.is_dir():
        export(arguments.model, folder, ExportOptions(precision=precision))
    return Base.open(folder)


if __name__ == "__main__":
    main()
