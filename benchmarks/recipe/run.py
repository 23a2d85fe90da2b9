"""Accuracy of training without a rate or a number of steps to choose, by the protocol of docs/accuracy.md.

    python -m recipe.run --base BASE --data FOLDER [--tasks …] [--arms …] [--seeds N] [--threads 1]

Every cell is a task, a seed and an arm: 1,000 training rows that the seed draws, after 500 were held out as
`methods.run` does, float32 packs, at most 1,000 evaluation rows in the engine. Arms are multiples of the rates that
`--learning-rate auto` measures, in 250 steps; the multiple that its race chooses, in as many; and the default, which
chooses steps, further rounds and the pack's encoding as well. Each cell is written as it ends; a second call goes on
where the first stopped.
"""

import argparse
import json
import random
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import torch

from bitfit_exporters.read_back import rebuild_encoder
from bitfit_runtime import Base, Engine
from bitfit_toolkit import Example, TrainOptions
from bitfit_toolkit.training.evaluation import evaluate
from bitfit_toolkit.training.options import AUTO
from bitfit_toolkit.training.pack_encoding import choose_encoding
from bitfit_toolkit.training.rate_choice import RateChoice, choose_multiple
from bitfit_toolkit.training.recovery import fit_surely
from bitfit_toolkit.training.run import Run
from bitfit_toolkit.training.steps import rounds_of, settle_steps, steps_of
from harness.datasets import DATASETS, Dataset, at_most
from harness.options import add_base, make_parser, results_of, silence

ROWS, HELD_OUT, STEPS, EVALUATION_ROWS = 1000, 500, 250, 1000
CELLS: Final = "cells.jsonl"


@dataclass(frozen=True, slots=True)
class Arm:
    """A multiple of the measured rates, and how many steps; None where the recipe chooses them."""

    multiple: float | None
    steps: int | None


ARMS: Final = {
    "x1": Arm(1.0, STEPS),
    "x1/3": Arm(1 / 3, STEPS),
    "x3": Arm(3.0, STEPS),
    "race": Arm(None, STEPS),
    "auto": Arm(None, None),
}


@dataclass(frozen=True, slots=True)
class Cell:
    """A run: its metric on the rows held out, in torch, and on the evaluation rows in the engine.

    `multiple` is what it was trained with in the end, after so many `restarts` because it had collapsed. `seconds` are
    those of the processor for the training, the race included.
    """

    base: str
    precision: str
    task: str
    arm: str
    seed: int
    steps: int
    multiple: float
    metric: str
    held_out: float
    engine: float
    seconds: float
    restarts: int = 0


def main() -> None:
    arguments = parse_arguments()
    silence()
    torch.set_num_threads(arguments.threads)
    base = Base.open(arguments.base)
    path = arguments.output / CELLS
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    done = [Cell(**json.loads(line)) for line in lines]
    known = {(cell.base, cell.precision, cell.task, cell.arm, cell.seed) for cell in done}
    for seed in arguments.seeds:
        for arm in arguments.arms:
            for task in arguments.tasks:
                if (base.manifest.name, base.manifest.precision, task, arm, seed) not in known:
                    cell = cell_of(base, DATASETS[task], arguments.data, arm, seed)
                    with path.open("a", encoding="utf-8") as stream:
                        stream.write(json.dumps(asdict(cell)) + "\n")
                    print(json.dumps(asdict(cell)), flush=True)


def cell_of(base: Base, dataset: Dataset, folder: Path, name: str, seed: int) -> Cell:
    """Train once, and measure."""
    arm = ARMS[name]
    training, evaluation = dataset.load(folder)
    rows, held_out = drawn(training, seed)
    options = TrainOptions(
        task=dataset.task,
        task_type=dataset.task_type,
        metric_for_best_model=dataset.metric,
        max_steps=arm.steps,
        max_length=96,
        seed=seed,
        encoding="float32" if arm.steps else AUTO,
    )
    began = time.process_time()
    settled, encoder = settle_steps(options, len(rows)), rebuild_encoder(base)
    choice = choose_multiple(base, rows, settled, encoder) if arm.multiple is None else RateChoice(arm.multiple)
    run = Run.start(base, training, settled, encoder)
    data, held_out_data = run.prepare(rows), run.prepare(held_out)
    outcome = fit_surely(run, data, held_out_data, choice, rounds_of(options, len(rows)))
    assert outcome.choice is not None
    seconds = time.process_time() - began
    value = run.metrics(held_out_data)[run.metric]
    engine = Engine(base, threads=torch.get_num_threads())
    choose_encoding(run, engine, held_out)
    return Cell(
        base=base.manifest.name,
        precision=base.manifest.precision,
        task=dataset.task,
        arm=name,
        seed=seed,
        steps=steps_of(run.options, len(rows)) * outcome.rounds,
        multiple=outcome.choice.multiple,
        metric=run.metric,
        held_out=value,
        engine=evaluate(engine, options.task, at_most(evaluation, EVALUATION_ROWS))[run.metric],
        seconds=seconds,
        restarts=len(outcome.choice.collapsed),
    )


def drawn(training: list[Example], seed: int) -> tuple[list[Example], list[Example]]:
    """Return the rows to learn from, and the rows held out, as `bitfit compare` draws them."""
    order = random.Random(0).sample(range(len(training)), len(training))
    held_out, pool = ([training[index] for index in part] for part in (order[:HELD_OUT], order[HELD_OUT:]))
    return random.Random(seed).sample(pool, ROWS), held_out


def parse_arguments() -> argparse.Namespace:
    parser = make_parser(__doc__, results_of("recipe"))
    add_base(parser)
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--tasks", nargs="*", default=list(DATASETS), choices=list(DATASETS), help="run just these")
    parser.add_argument("--arms", nargs="*", default=list(ARMS), choices=list(ARMS), help="run just these")
    parser.add_argument("--seeds", nargs="*", type=int, default=[0, 1, 2], help="seeds of the runs")
    parser.add_argument("--threads", type=int, default=1, help="threads of torch")
    return parser.parse_args()


if __name__ == "__main__":
    main()
