"""Every encoding of one training run: bytes, and the metric in the engine.

    python -m pack_size.run --base BASE --data FOLDER [--tasks …] [--methods …] [--seeds N …] [--steps N]

1,000 training rows and 500 rows held out, as `recipe.run` draws them, × 1 of the measured rates. A method is
bias terms, and after `@` the first layer that learns. What an encoding costs is its metric less that of the run in
float32, on the evaluation rows, which chose nothing. Each run is written as it ends; a second call goes on.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

import torch

from bitfit_runtime import Base, Engine
from bitfit_runtime.formats import ENCODINGS
from bitfit_toolkit import Example
from bitfit_toolkit.compare.methods import method
from bitfit_toolkit.training.evaluation import engine_answers
from bitfit_toolkit.training.pack_encoding import REFERENCE, EncodedPack, choose_encoding, same_share
from bitfit_toolkit.training.run import Run
from bitfit_toolkit.training.steps import steps_of
from harness.datasets import DATASETS, at_most
from harness.options import add_base, make_parser, results_of, silence
from harness.products import through_onednn
from recipe.ideas import STEPS, Setting
from recipe.run import EVALUATION_ROWS, ROWS

METHODS: Final = ("bitfit", "q,m2", "bitfit@6", "q,m2@6")
TASKS: Final = ("sst2", "mrpc", "cola", "stsb", "banking77", "wnut17")


@dataclass(frozen=True, slots=True)
class Encoded:
    """One encoding of one run: the pack's bytes, and its metric on the rows held out and on the evaluation rows.

    `agreement` is the share of the rows held out that are answered as in float32, None where answers are numbers.
    """

    task: str
    method: str
    steps: int
    seed: int
    metric: str
    encoding: str
    bytes: int
    held_out: float
    engine: float
    agreement: float | None


def main() -> None:
    arguments = parse_arguments()
    silence()
    torch.set_num_threads(1)
    base = Base.open(arguments.base)
    engine = Engine(base, threads=1)
    through_onednn()
    arguments.output.mkdir(parents=True, exist_ok=True)
    path = arguments.output / "cells.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    cells = [Encoded(**json.loads(line)) for line in lines]
    known = {(cell.task, cell.method, cell.seed) for cell in cells if cell.steps == arguments.steps}
    for task, name, seed in wanted(arguments):
        if (task, name, seed) not in known:
            cells = list(trained(Setting.of(base, task, arguments.data, seed), name, arguments.steps, engine))
            with path.open("a", encoding="utf-8") as stream:
                stream.writelines(json.dumps(asdict(cell)) + "\n" for cell in cells)
            print(cells, flush=True)


def wanted(arguments: argparse.Namespace) -> Iterator[tuple[str, str, int]]:
    """Yield what is to be run: all that one seed tells before the next."""
    for seed in arguments.seeds:
        for name in arguments.methods:
            yield from ((task, name, seed) for task in arguments.tasks)


def trained(setting: Setting, name: str, steps: int, engine: Engine) -> Iterator[Encoded]:
    """Train once, and yield each encoding."""
    chosen = method(name)
    run = setting.learn(terms=chosen.terms, from_layer=chosen.from_layer, max_steps=steps)
    _, evaluation = setting.dataset.load(setting.data)
    return encoded(run, name, engine, setting.held_out, at_most(evaluation, EVALUATION_ROWS))


def encoded(
    run: Run, name: str, engine: Engine, held_out: Sequence[Example], evaluation: Sequence[Example]
) -> Iterator[Encoded]:
    """Yield every encoding of a run that has ended."""
    reference = pack_in(run, REFERENCE, engine, held_out).answers
    for encoding in ENCODINGS:
        pack = pack_in(run, encoding, engine, held_out)
        trial, task, steps = pack.tried[encoding], run.options.task, steps_of(run.options, ROWS)
        value = run.task.metrics(evaluation, engine_answers(engine, task, evaluation))[run.metric]
        agreement = same_share(run.task, pack.answers, reference)
        found = (encoding, trial.bytes, trial.value, value, agreement)
        yield Encoded(task, name, steps, run.options.seed, run.metric, *found)


def pack_in(run: Run, encoding: str, engine: Engine, held_out: Sequence[Example]) -> EncodedPack:
    """Return a run's pack in one encoding, installed in the engine."""
    return choose_encoding(replace(run, options=replace(run.options, encoding=encoding)), engine, held_out)


def parse_arguments() -> argparse.Namespace:
    parser = make_parser(__doc__, results_of("pack_size"))
    add_base(parser)
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--tasks", nargs="*", default=TASKS, choices=list(DATASETS), help="run just these")
    parser.add_argument("--methods", nargs="*", default=METHODS, help="run just these")
    parser.add_argument("--seeds", nargs="*", type=int, default=[0, 1, 2], help="seeds of the runs")
    parser.add_argument("--steps", type=int, default=STEPS, help="steps of each run")
    return parser.parse_args()


if __name__ == "__main__":
    main()
