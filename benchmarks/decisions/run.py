"""What decisions in packs are worth: calibration, mistakes among what is accepted, texts of none of the classes.

    python -m decisions.run --base BASE --data FOLDER [--tasks …] [--seeds N] [--work FOLDER]

Every cell is a task and a seed: a pack of 1,000 training rows that the seed draws, 250 steps, int8 codes, trained
once; what the engine gives for 3,000 rows that it never saw is kept in `--work`. Of these 500 or 1,000 are held, on
which decisions are fitted as `bitfit train` does, and all others are fresh: means over 20 draws. banking77 is without
17 of its intents, which are near texts of none of the classes; sst2's sentences are far ones. `intent-words` is a
multi-label task whose labels are the words of banking77's intents.
"""

import argparse
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import torch

from bitfit_runtime import Base, Engine
from decisions.measure import Figures, classification, multi_label
from decisions.outputs import load_task, outputs_of, outputs_path
from harness.machine import processor
from harness.options import WORK, add_base, make_parser, results_of, silence
from harness.reports import Table, write_report

TASKS = ("sst2", "mrpc", "cola", "banking77", "intent-words")
HELD = (500, 1000)
CELLS = "cells.jsonl"


@dataclass(frozen=True, slots=True)
class Cell:
    """The figures of one pack by so many held rows."""

    task: str
    seed: int
    held: int
    figures: Figures

    def line(self) -> str:
        """Return the cell as a line of JSON."""
        return json.dumps({"task": self.task, "seed": self.seed, "held": self.held} | self.figures)


def main() -> None:
    arguments = parse_arguments()
    silence()
    torch.set_num_threads(1)
    base = Base.open(arguments.base)
    engine, work = Engine(base, threads=1), arguments.work / "decisions"
    work.mkdir(parents=True, exist_ok=True)
    cells: list[Cell] = []
    arguments.output.mkdir(parents=True, exist_ok=True)
    with (arguments.output / CELLS).open("w") as stream:
        for seed in range(arguments.seeds):
            for task in arguments.tasks:
                if arguments.kept and not outputs_path(work, task, seed).exists():
                    continue
                outputs = outputs_of(base, engine, load_task(task, arguments.data), task, seed, work)
                measure = multi_label if outputs.pack.info.task_type == "multi-label" else classification
                for held in HELD:
                    cells.append(Cell(task, seed, held, measure(outputs, held)))
                    stream.write(cells[-1].line() + "\n")
                    print(cells[-1].line(), flush=True)
    facts = {"processor": processor(), "base": base.manifest.name}
    write_report(arguments.output, "Decisions", facts, tables(cells, arguments.tasks))


# Title, note and columns of each table, by the figure's name.
PARTS = (
    (
        "Calibration error",
        "On fresh rows; by chance is that of models right as often as they say.",
        {
            "temperature": "temperature",
            "uncalibrated_error": "without temperature",
            "calibration_error": "with it",
            "chance_error": "by chance",
        },
    ),
    (
        "Acceptance at a largest error of 0.05",
        "On fresh rows; best is that of a threshold that knows them.",
        {
            "accepted_error": "wrong of the accepted",
            "too_many_wrong": "share of draws with more than 0.05 wrong",
            "nothing_accepted": "share that accepts nothing",
            "coverage": "accepted",
            "best_coverage": "best",
            "coverage_without_outliers": "accepted, without outlier scores",
        },
    ),
    (
        "Texts of none of the classes",
        "AUROC against fresh rows, and the share found at 5 % false alarms.",
        {
            "near_auroc": "near",
            "near_softmax_auroc": "near, softmax",
            "far_auroc": "far",
            "far_softmax_auroc": "far, softmax",
            "near_found": "near found",
            "far_found": "far found",
            "false_alarms": "false alarms",
            "centre_bits": "bits a code",
        },
    ),
    (
        "Thresholds of labels",
        "F1 on fresh rows.",
        {
            "f1_micro_half": "micro, one half",
            "f1_micro_thresholds": "micro, thresholds",
            "f1_macro_half": "macro, one half",
            "f1_macro_thresholds": "macro, thresholds",
        },
    ),
)


def tables(cells: Sequence[Cell], tasks: Iterable[str]) -> list[Table]:
    """Return the tables of the report: a line a task and number of held rows, means over seeds."""
    groups = [
        (task, held, own)
        for task in tasks
        for held in HELD
        if (own := [cell.figures for cell in cells if (cell.task, cell.held) == (task, held)])
    ]

    def rows(names: Sequence[str]) -> list[tuple[str, ...]]:
        having = [(task, held, own) for task, held, own in groups if names[0] in own[0]]
        return [
            (task, str(held), str(len(own)), *(f"{mean(cell[name] for cell in own):.3f}" for name in names))
            for task, held, own in having
        ]

    return [
        Table(title, note, ("task", "held rows", "packs", *names.values()), rows(list(names)))
        for title, note, names in PARTS
    ]


def parse_arguments() -> argparse.Namespace:
    parser = make_parser(__doc__, results_of("decisions"))
    add_base(parser)
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--tasks", nargs="*", default=list(TASKS), choices=TASKS, help="run just these")
    parser.add_argument("--kept", action="store_true", help="measure the packs in --work alone, train none")
    parser.add_argument("--seeds", type=int, default=3, help="packs of each task")
    parser.add_argument("--work", type=Path, default=WORK, help="folder where packs and outputs are kept")
    return parser.parse_args()


if __name__ == "__main__":
    main()
