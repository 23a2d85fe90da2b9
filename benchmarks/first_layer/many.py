"""Time of `--many` on a CPU where its runs start at one layer and read the same texts, beside runs of their own.

    python -m first_layer.many --base BASE --data FOLDER [--start 3] [--runs 8] [--epochs 3] [--rounds 2]

Runs are seeds of one task. In `--many` they have one trunk, made once; alone each makes its own, and keeps it for its
epochs. The ways take turns. Seconds are CPU time of the process with one thread, of tokenizing and training
alone: loading, evaluation and encoding cost either way the same.
"""

import argparse
import json
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch

from bitfit_exporters.read_back import rebuild_encoder
from bitfit_runtime import Base
from bitfit_toolkit import Example, TrainOptions
from bitfit_toolkit.training.run import Run
from bitfit_toolkit.training.shared.row_biases import RowBiases
from bitfit_toolkit.training.shared.runs import SharedRun, fit_together
from bitfit_toolkit.training.trainer import fit
from bitfit_toolkit.training.trunk import Trunks
from harness.datasets import DATASETS
from harness.machine import processor
from harness.options import add_base, make_parser, results_of, silence
from harness.reports import write_json

TASK = "sst2"


@dataclass(frozen=True, slots=True)
class Plan:
    """Runs of one task that begin at a layer, one for each of `options`."""

    base: Base
    rows: Sequence[Example]
    options: Sequence[TrainOptions]


def main() -> None:
    arguments = parse_arguments()
    silence()
    torch.set_num_threads(1)
    base = Base.open(arguments.base)
    training, _ = DATASETS[TASK].load(arguments.data)
    rows = random.Random(0).sample(training, arguments.rows)
    ways: dict[str, Callable[[Plan], None]] = {
        "alone": one_after_another,
        "many, 1 at once": partial(in_shared_passes, 1),
        f"many, {arguments.runs} at once": partial(in_shared_passes, arguments.runs),
    }
    common = TrainOptions(
        from_layer=arguments.start, num_train_epochs=arguments.epochs, max_length=96, learning_rate=3e-3, device="cpu"
    )
    plan = Plan(base, rows, [replace(common, seed=seed) for seed in range(arguments.runs)])
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(arguments.rounds):
        for name, train in ways.items():
            began = time.process_time()
            train(plan)
            times[name].append(time.process_time() - began)
    about = {
        "processor": processor(),
        "torch": torch.__version__,
        "threads": 1,
        "base": base.manifest.name,
        "task": TASK,
    }
    about |= {name: getattr(arguments, name) for name in ("start", "runs", "rows", "epochs")}
    ratios = {name: min(own) / min(times["alone"]) for name, own in times.items()}
    result = about | {"cpu_seconds": times, "ratios of min": ratios}
    write_json(arguments.output, result)
    print(json.dumps(result, indent=1))


def one_after_another(plan: Plan) -> None:
    """Train each run by itself, with a trunk of its own."""
    encoder = rebuild_encoder(plan.base)
    for options in plan.options:
        run = Run.start(plan.base, plan.rows, options, encoder)
        data = run.prepare(plan.rows)
        fit(run, data, data)
        run.model.load_tensors(plan.base.default_biases)


def in_shared_passes(at_once: int, plan: Plan) -> None:
    """Train as `--many` does, `at_once` runs in every pass, over one trunk."""
    encoder = rebuild_encoder(plan.base)
    starts = [int(options.from_layer) for options in plan.options]
    rows, trunks = RowBiases(encoder, plan.base.manifest), Trunks(encoder, plan.base.manifest, starts)
    for first in range(0, len(plan.options), at_once):
        group = plan.options[first : first + at_once]
        runs = [Run.start(plan.base, plan.rows, options, encoder, trunks) for options in group]
        runs[0].model.load_tensors(plan.base.default_biases)
        encoder.requires_grad_(False).eval()
        shared = [SharedRun(run, run.preprocessor.prepare(plan.rows)) for run in runs]
        fit_together(shared, rows, lambda done, steps: None, trunks.below(min(starts)))
        for one in shared:
            one.finish()


def parse_arguments() -> argparse.Namespace:
    parser = make_parser(__doc__, results_of("first_layer") / "many.json")
    add_base(parser)
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--start", type=int, default=3, help="first layer that learns")
    parser.add_argument("--runs", type=int, default=8, help="runs, and as many in every pass")
    parser.add_argument("--rows", type=int, default=128, help="training rows")
    parser.add_argument("--epochs", type=int, default=3, help="epochs of each run")
    parser.add_argument("--rounds", type=int, default=2, help="turns of either way")
    return parser.parse_args()


if __name__ == "__main__":
    main()
