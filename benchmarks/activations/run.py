"""Bases with static activations beside those with a scale for each row, and beside optimum: time and accuracy of packs.

    python -m activations.run [--models minilm] [--rounds 40] [--data FOLDER [--seeds 3] [--tasks …]]

Graphs run in turns with one thread and all biases fed, by the CPU time of the process, so that other processes disturb
less. With `--data`, that of `methods.run`, packs of MiniLM are trained on both bases with the rates that `methods`
found best, 1,000 examples and 250 steps, and measured in the engine on at most 1,000 rows; each is written as it ends,
and a second call goes on where the first stopped.
"""

import argparse
import json
import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import mean

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import torch

from bitfit_runtime import Base
from harness.clock import Arms, fastest, interleaved, ratio
from harness.machine import facts
from harness.models import MINILM, MODELS, checkpoint, export_model, export_report
from harness.options import add_models, add_work, make_parser, results_of, silence
from harness.packs import task_feeds
from harness.reports import Table, write_json, write_report
from harness.sessions import open_session
from harness.tokens import random_tokens
from precisions.measure import train_task
from speed.prepare import PEERS_PYTHON, optimum_graphs

STATIC, DYNAMIC, OPTIMUM = "static", "dynamic", "optimum "
LENGTHS = {16: 6.0, 64: 2.0, 128: 1.0, 384: 0.4}  # tokens, and how many times `--rounds` they run
RATES = {"sst2": 3e-3, "cola": 3e-3, "mrpc": 3e-3, "banking77": 1e-2, "stsb": 1e-2, "wnut17": 1e-2}
ROW = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Cell:
    """A pack: what it was trained on, and its metric in the engine and in torch, which rounds no activations."""

    task: str
    seed: int
    activations: str
    metric: str
    engine: float
    torch: float


def main() -> None:
    arguments = parse_arguments()
    silence()
    torch.set_num_threads(1)
    arguments.work.mkdir(parents=True, exist_ok=True)
    path = arguments.output / "times.json"
    if arguments.rounds:
        write_json(path, graphs_compared(arguments))
    compared_graphs = json.loads(path.read_text(encoding="utf-8"))
    times, distances = ([tuple(row) for row in compared_graphs[name]] for name in ("times", "distances"))
    cells = trained(arguments) if arguments.data else read_cells(arguments.output / "cells.jsonl")
    head = ("static, ms", "a scale a row, ms", "ratio (of minima)", "optimum, ms", "ratio (of minima)", "optimum's arm")
    tables = [
        Table("Time", "Medians; beside a scale a row, and the fastest optimum.", ("model", "tokens", *head), times),
        Table("From torch", "Relative L2 of pooled vectors, mean.", ("model", STATIC, "a scale a row"), distances),
        Table("Accuracy", "Points in the engine, in brackets those of torch.", HEAD, list(accuracies(cells))),
    ]
    write_report(arguments.output, "Static activations", facts(), tables)


def graphs_compared(arguments: argparse.Namespace) -> dict[str, list[ROW]]:
    """Return what the graphs of each model take, and how far they are from torch."""
    times: list[ROW] = []
    distances: list[ROW] = []
    for model in arguments.models:
        bases = {name: export_model(model, arguments.work, activations=name) for name in (STATIC, DYNAMIC)}
        optimum = optimum_graphs(model, checkpoint(model, arguments.work), arguments.work, arguments.peers_python)
        distances.append((model, *(f"{export_report(base)['parity_mean']:.3f}" for base in bases.values())))
        for length, share in LENGTHS.items():
            if length <= bases[STATIC].manifest.max_length:
                arms = measured(bases, optimum, length, max(int(share * arguments.rounds), 3))
                times.append((model, str(length), *compared(arms)))
                print(times[-1], flush=True)
    return {"times": times, "distances": distances}


def measured(bases: dict[str, Base], optimum: dict[str, Path], length: int, rounds: int) -> Arms:
    """Return the CPU time of a text of so many tokens in every graph."""
    tokens = random_tokens(1, length)
    runs = {}
    for name, base in bases.items():
        runs[name] = partial(open_session(base.model_path, 1).run, ["logits"], {**tokens, **task_feeds(base, 0)})
    for name, path in optimum.items():
        session = open_session(path, 1)
        given = {value.name for value in session.get_inputs()}
        feeds = {key: array for key, array in tokens.items() if key in given}
        runs[OPTIMUM + name] = partial(session.run, None, feeds)
    return interleaved(runs, rounds, clock=time.process_time)


def compared(arms: Arms) -> ROW:
    """Return medians and ratios of static activations, a scale for each row, and the fastest optimum."""
    name = fastest(arms, OPTIMUM)
    static, dynamic, peer = (f"{arms[arm]['median']:.2f}" for arm in (STATIC, DYNAMIC, OPTIMUM + name))
    return static, dynamic, str(ratio(arms, STATIC, DYNAMIC)), peer, str(ratio(arms, STATIC, OPTIMUM)), name


def trained(arguments: argparse.Namespace) -> list[Cell]:
    """Train what is missing, and return all cells."""
    path = arguments.output / "cells.jsonl"
    cells = read_cells(path)
    for seed in range(arguments.seeds):
        for task in arguments.tasks:
            for name in (STATIC, DYNAMIC):
                if not any((cell.task, cell.seed, cell.activations) == (task, seed, name) for cell in cells):
                    base = export_model(MINILM, arguments.work, activations=name)
                    cells.append(trained_cell(base, task, seed, arguments.data, arguments.work))
                    with path.open("a", encoding="utf-8") as stream:
                        stream.write(json.dumps(asdict(cells[-1])) + "\n")
                    print(cells[-1], flush=True)
    return cells


def trained_cell(base: Base, task: str, seed: int, data: Path, work: Path) -> Cell:
    """Train a pack on a base."""
    report = train_task(base, task, RATES[task], seed, data, work / "activations.safetensors")
    found = report.engine[report.metric], report.torch[report.metric]
    return Cell(task, seed, base.manifest.activations, report.metric, *found)


def read_cells(path: Path) -> list[Cell]:
    """Return the cells of earlier calls."""
    return [Cell(**json.loads(line)) for line in path.read_text().splitlines()] if path.exists() else []


HEAD = ("task", "seeds", STATIC, "a scale a row", "difference")


def accuracies(cells: Sequence[Cell]) -> list[ROW]:
    """Return a row a task over the seeds for which both bases have a pack, and one of the means over tasks."""
    points = {(cell.task, cell.seed, cell.activations): cell for cell in cells}
    rows: list[ROW] = []
    differences = []
    for task in RATES:
        pairs = [
            (points[task, seed, STATIC], points[task, seed, DYNAMIC])
            for seed in sorted({cell.seed for cell in cells})
            if (task, seed, STATIC) in points and (task, seed, DYNAMIC) in points
        ]
        if pairs:
            static, dynamic = zip(*pairs, strict=True)
            differences.append(100 * (mean(c.engine for c in static) - mean(c.engine for c in dynamic)))
            name = f"{task} ({static[0].metric})"
            rows.append((name, str(len(pairs)), _points(static), _points(dynamic), f"{differences[-1]:+.1f}"))
    return [*rows, ("mean", "", "", "", f"{mean(differences):+.2f}")] if rows else []


def _points(cells: Sequence[Cell]) -> str:
    return f"{100 * mean(cell.engine for cell in cells):.1f} ({100 * mean(cell.torch for cell in cells):.1f})"


def parse_arguments() -> argparse.Namespace:
    parser = make_parser(__doc__, results_of("activations"))
    parser.add_argument("--rounds", type=int, default=40, help="of 128 tokens; 0 keeps the last call's times")
    parser.add_argument("--data", type=Path, help="folder of the data sets")
    parser.add_argument("--tasks", nargs="*", default=list(RATES), choices=list(RATES), help="train just these")
    parser.add_argument("--seeds", type=int, default=3, help="packs that are trained for each task and base")
    parser.add_argument("--peers-python", type=Path, default=PEERS_PYTHON, help="the interpreter that has optimum")
    add_models(parser, MODELS)
    add_work(parser)
    return parser.parse_args()


if __name__ == "__main__":
    main()
