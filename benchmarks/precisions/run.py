"""What fp32, int8 and int4 bases cost and answer: size, speed, memory, distance from torch, accuracy of their packs.

    python -m precisions.run [--data FOLDER] [--output FOLDER]

`--data` is that of `methods.run`; without it no pack is trained. Each figure is written as it is measured, and a second
call goes on where the first stopped. Sessions run in turns with all biases fed, one text, one thread. Packs are trained
on each base with the learning rates that `methods` found best, 1,000 examples and 250 steps, and measured in the engine
on at most 1,000 rows.
"""

import argparse
import os
from functools import partial
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # else torch's threads spin on while a session is timed

import torch

from harness.clock import pin
from harness.ledger import Ledger
from harness.machine import processor, versions
from harness.models import BERT, MINILM, export_model
from harness.options import add_work, make_parser, results_of, silence
from precisions import report
from precisions.measure import RATES, SEEDS, SEQUENCES, accuracy, latencies, processes, sizes

PRECISIONS = ("fp32", "int8", "int4")


def main() -> None:
    arguments = parse_arguments()
    silence()
    pin(1)
    torch.set_num_threads(1)
    arguments.work.mkdir(parents=True, exist_ok=True)
    models = {model: {p: export_model(model, arguments.work, p) for p in PRECISIONS} for model in (MINILM, BERT)}
    graphs = {name: " ".join(base.manifest.digest[7:19] for base in bases.values()) for name, bases in models.items()}
    ledger = Ledger(arguments.output / "results.jsonl", {"processor": processor(), "versions": versions()}, graphs)
    for name, bases in models.items():
        ledger.once(report.SIZE, {"model": name}, partial(sizes, bases))
        for sequence in SEQUENCES:
            shape = {"model": name, "sequence": sequence}
            ledger.once(report.LATENCY, shape, partial(latencies, bases, sequence))
        ledger.once(report.PROCESS, {"model": name}, partial(processes, bases))
    report.write(ledger, arguments.output)
    for seed in range(arguments.seeds if arguments.data else 0):
        for task in RATES:
            for precision, base in models[MINILM].items():
                shape = {"model": MINILM, "task": task, "seed": seed, "precision": precision}
                measure = partial(accuracy, base, task, seed, arguments.data, arguments.work)
                ledger.once(report.ACCURACY, shape, measure)
                report.write(ledger, arguments.output)


def parse_arguments() -> argparse.Namespace:
    parser = make_parser(__doc__, results_of("precisions"))
    parser.add_argument("--data", type=Path, help="folder of the data sets")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="packs that are trained for each task and base")
    add_work(parser)
    return parser.parse_args()


if __name__ == "__main__":
    main()
