"""BitFit beside full fine-tuning, LoRA and others on six tasks, as `bitfit compare` does it for one.

    python benchmarks/methods.py --base BASE --reference FLOAT32_BASE --data FOLDER --output results/methods

`FOLDER` holds `TASK/{train,dev}.jsonl`, and `banking77/{train,test}.csv`. Each run is written as it finishes; a second
call goes on where the first stopped. Several processes may share one output, each with tasks of its own.
"""

import argparse
import json
import random
from dataclasses import asdict
from pathlib import Path

import torch

from bitfit_runtime import Base
from bitfit_toolkit import Example, TrainOptions, load_examples
from bitfit_toolkit.compare import CellFile, Comparison, Plan, summarize, write_tables
from bitfit_toolkit.compare.plots import draw

TASKS = {
    "sst2": ("train.jsonl", "dev.jsonl", "classification", None),
    "mrpc": ("train.jsonl", "dev.jsonl", "classification", None),
    "stsb": ("train.jsonl", "dev.jsonl", "regression", None),
    "cola": ("train.jsonl", "dev.jsonl", "classification", "matthews"),
    "banking77": ("train.csv", "test.csv", "classification", None),
    "wnut17": ("train.jsonl", "dev.jsonl", "token-classification", None),
}
METHODS = "full bitfit q,m2 random head lora bitfit-fp32"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("--base", "--reference", "--data", "--output"):
        parser.add_argument(name, type=Path, required=True)
    parser.add_argument("--tasks", nargs="*", default=list(TASKS), choices=list(TASKS))
    parser.add_argument("--methods", nargs="*", default=METHODS.split())
    parser.add_argument("--examples", nargs="*", type=int, default=[1000], help="0: all")
    parser.add_argument("--eval-rows", type=int, default=1000)
    parser.add_argument("--steps", type=int, default=250)
    parser.add_argument("--epochs", type=float, default=4)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--precision", default="fp32")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    cells = CellFile(arguments.output / "cells.jsonl")
    base, reference = Base.open(arguments.base), Base.open(arguments.reference)
    for task in arguments.tasks:
        train_file, eval_file, task_type, metric = TASKS[task]
        rows, evaluation = (
            load_examples(arguments.data / task / file, task_type=task_type) for file in (train_file, eval_file)
        )
        options = TrainOptions(
            task=task,
            task_type=task_type,
            metric=metric,
            epochs=arguments.epochs,
            precision=arguments.precision,
            max_length=96,
        )
        plan = Plan(tuple(arguments.methods), tuple(arguments.examples), arguments.seeds, arguments.steps, options)
        comparison = Comparison(base, rows, _some(evaluation, arguments.eval_rows), plan, cells, reference)
        comparison.run(lambda cell: print(json.dumps(asdict(cell)), flush=True))
    table = summarize(CellFile(arguments.output / "cells.jsonl").cells)
    write_tables(table, arguments.output)
    draw(table, arguments.output)


def _some(examples: list[Example], rows: int) -> list[Example]:
    return examples if len(examples) <= rows else random.Random(0).sample(examples, rows)


if __name__ == "__main__":
    main()
