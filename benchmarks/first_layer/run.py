"""Accuracy of `--from-layer auto` beside training every layer, by the protocol of docs/accuracy.md.

    python -m first_layer.run --base BASE --data FOLDER [--tasks …] [--seeds N] [--threads 1]

Every cell is a task and a seed: 1,000 training rows that the seed draws, after 500 were held out as `methods.run` does,
250 steps at the rate that was best for `bitfit` there, float32 packs, at most 1,000 evaluation rows in the engine. Auto
sees the training rows alone; where it chooses layer 0 it costs nothing, and no packs are trained. Each cell is written
as it ends; a second call goes on where the first stopped.
"""

import argparse
import json
import random
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import mean
from typing import Any

import torch
import transformers

from bitfit_exporters.read_back import rebuild_encoder
from bitfit_runtime import Base, Engine
from bitfit_toolkit import Example, TrainOptions
from bitfit_toolkit.training.evaluation import evaluate
from bitfit_toolkit.training.options import AUTO
from bitfit_toolkit.training.pack_encoding import choose_encoding
from bitfit_toolkit.training.run import Run
from bitfit_toolkit.training.starts import settle_start
from bitfit_toolkit.training.trainer import fit
from harness.datasets import DATASETS, at_most
from harness.machine import processor
from harness.options import add_base, make_parser, results_of, silence
from harness.reports import write_json

TASKS = ("sst2", "mrpc", "banking77", "stsb")
RATES = {"sst2": 3e-3, "mrpc": 3e-3, "banking77": 1e-2, "stsb": 1e-2}  # bitfit's in benchmarks/methods/results
ROWS, HELD_OUT, STEPS, EVALUATION_ROWS = 1000, 500, 250, 1000
CELLS = "cells.jsonl"


@dataclass(frozen=True, slots=True)
class Packed:
    """A float32 pack: its metric in the engine, its bytes, and the CPU seconds of this thread to train it."""

    value: float
    bytes: int
    seconds: float


def main() -> None:
    arguments = parse_arguments()
    silence()
    torch.set_num_threads(arguments.threads)
    base = Base.open(arguments.base)
    path = arguments.output / CELLS
    done = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    for seed in range(arguments.seeds):
        for task in arguments.tasks:
            if not any((cell["task"], cell["seed"]) == (task, seed) for cell in done):
                done.append(cell_of(base, arguments.data, task, seed))
                with path.open("a") as stream:
                    stream.write(json.dumps(done[-1]) + "\n")
                print(json.dumps(done[-1]), flush=True)
    machine = {"processor": processor(), "torch": torch.__version__, "transformers": transformers.__version__}
    write_json(arguments.output / "report.json", {"machine": machine, "base": base.manifest.name, **summary(done)})


def cell_of(base: Base, folder: Path, task: str, seed: int) -> dict[str, Any]:
    """Train a task from layer 0 and from the start that auto chooses, on the same rows."""
    dataset = DATASETS[task]
    training, evaluation = dataset.load(folder)
    evaluation = at_most(evaluation, EVALUATION_ROWS)
    order = random.Random(0).sample(range(len(training)), len(training))
    pool = [training[index] for index in order[HELD_OUT:]]
    rows = random.Random(seed).sample(pool, ROWS)
    options = TrainOptions(
        task=task,
        task_type=dataset.task_type,
        from_layer=AUTO,
        max_steps=STEPS,
        max_length=96,
        learning_rate=RATES[task],
        seed=seed,
        encoding="float32",
    )
    encoder, engine = rebuild_encoder(base), Engine(base, threads=torch.get_num_threads())
    began = time.process_time()
    settled, choice = settle_start(base, rows, options, encoder, training)
    seconds = time.process_time() - began
    assert choice is not None
    cell = {"task": task, "seed": seed, "choice": asdict(choice), "choice_seconds": seconds}
    if choice.from_layer:
        ways = {"every layer": replace(settled, from_layer=0), "auto": settled}
        packs = {way: pack(base, encoder, engine, training, rows, evaluation, own) for way, own in ways.items()}
        cell["packs"] = {way: asdict(one) for way, one in packs.items()}
    return cell


def pack(
    base: Base,
    encoder: torch.nn.Module,
    engine: Engine,
    labelled: Sequence[Example],
    rows: Sequence[Example],
    evaluation: Sequence[Example],
    options: TrainOptions,
) -> Packed:
    """Train once; the encoder has the base's biases before and after."""
    began = time.process_time()
    run = Run.start(base, labelled, options, encoder)
    data = run.prepare(rows)
    fit(run, data, data)
    seconds = time.process_time() - began
    encoded = choose_encoding(run, engine, evaluation[:1])
    run.model.load_tensors(base.default_biases)
    value = evaluate(engine, options.task, evaluation)[run.metric]
    return Packed(value, encoded.tried["float32"].bytes, seconds)


def summary(cells: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return means by task and over all cells, in points; `cost` is what auto loses."""
    by_task = {task: [cell for cell in cells if cell["task"] == task] for task in TASKS}
    return {"tasks": {task: means(own) for task, own in by_task.items() if own}, "all": means(cells)}


def means(cells: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the means of some cells."""
    choices = [cell["choice"] for cell in cells]
    return {
        "cells": len(cells),
        "starts": [choice["from_layer"] for choice in choices],
        "share_saved": mean(choice["from_layer"] / choice["layers"] for choice in choices),
        "cost": mean(cost(cell) for cell in cells),
        "runs_to_choose": mean(choice["runs"] for choice in choices),
    }


def cost(cell: dict[str, Any]) -> float:
    """Return what auto lost in a cell, in points."""
    packs = cell.get("packs")
    return 0.0 if packs is None else 100 * (packs["every layer"]["value"] - packs["auto"]["value"])


def parse_arguments() -> argparse.Namespace:
    parser = make_parser(__doc__, results_of("first_layer"))
    add_base(parser)
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--tasks", nargs="*", default=list(TASKS), choices=TASKS, help="run just these")
    parser.add_argument("--seeds", type=int, default=3, help="runs of each task")
    parser.add_argument("--threads", type=int, default=1, help="threads of torch")
    return parser.parse_args()


if __name__ == "__main__":
    main()
