"""What precision and several processes change: one task, trained in fp32, in bf16, and by two processes.

    python -m gpu.parity --base BASE --data FOLDER [--task sst2] [--device auto] [--output FILE]

Two processes need two GPUs, or `--device cpu`; with one GPU they run on the processor, which the result says.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import torch

from bitfit_runtime import Base
from bitfit_toolkit import Example, TrainOptions, train
from harness.datasets import DATASETS, at_most
from harness.machine import processor
from harness.options import add_base, make_parser, results_of, silence
from harness.reports import write_json

PROCESSES: Final = 2
Figures = dict[str, float | str]


def main() -> None:
    arguments = parse_arguments()
    silence()
    torch.set_num_threads(arguments.threads)
    base, dataset = Base.open(arguments.base), DATASETS[arguments.task]
    training, evaluation = (at_most(rows, arguments.rows) for rows in dataset.load(arguments.data))
    options = TrainOptions(
        task=dataset.task,
        task_type=dataset.task_type,
        max_steps=arguments.steps,
        max_length=96,
        device=arguments.device,
        encoding="float32",
        decisions="none",
    )
    figures: dict[str, Figures] = {}
    for precision in ("fp32", "bf16"):
        figures[precision] = in_one_process(base, training, evaluation, replace(options, precision=precision))
        print(precision, figures[precision], flush=True)
    figures["two processes"] = in_two_processes(arguments.base, training, evaluation, options)
    machine = {"processor": processor(), "torch": torch.__version__, "gpus": torch.cuda.device_count()}
    result = {"machine": machine, "base": base.manifest.name, "task": dataset.task, "figures": figures}
    write_json(arguments.output, result)
    print(json.dumps(result, indent=1))


def in_one_process(
    base: Base, training: Sequence[Example], evaluation: Sequence[Example], options: TrainOptions
) -> Figures:
    """Train, and return the pack's metric in the engine and the seconds that took."""
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        report = train(base, training, evaluation, Path(folder, "pack"), options)
    return {"metric": report.engine[report.metric], "seconds": time.perf_counter() - began, "device": _device(options)}


def in_two_processes(
    base: Path, training: Sequence[Example], evaluation: Sequence[Example], options: TrainOptions
) -> Figures:
    """Train by `torchrun`, each process with half of a step's rows."""
    device = options.device if torch.cuda.device_count() >= PROCESSES else "cpu"
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        train_file, evaluation_file = (
            write_rows(Path(folder, name), rows)
            for name, rows in (("train.jsonl", training), ("eval.jsonl", evaluation))
        )
        command = [sys.executable, "-m", "torch.distributed.run", f"--nproc-per-node={PROCESSES}", "-m"]
        command += ["bitfit_toolkit", "train", "--base", str(base), "--train", str(train_file)]
        command += ["--eval", str(evaluation_file), "--output", str(Path(folder, "pack")), "--device", device]
        command += ["--type", options.task_type, "--steps", str(options.max_steps), "--max-length", "96"]
        command += ["--batch-size", str(options.per_device_train_batch_size // PROCESSES)]
        command += ["--encoding", options.encoding, "--decisions", "none", "--json", "--quiet"]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        return {"device": device, "error": (ended.stderr.strip().splitlines() or ["no message"])[-1]}
    report = json.loads(ended.stdout[ended.stdout.index("{") :])
    seconds = time.perf_counter() - began
    return {"metric": report["engine"][report["metric"]], "seconds": seconds, "device": device}


def write_rows(path: Path, rows: Sequence[Example]) -> Path:
    """Write texts and labels as `bitfit train` reads them."""
    found = [
        {"text": row.text, "label": row.label} | ({"text_pair": row.text_pair} if row.text_pair else {}) for row in rows
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in found), encoding="utf-8")
    return path


def _device(options: TrainOptions) -> str:
    return "cuda" if options.device != "cpu" and torch.cuda.is_available() else "cpu"


def parse_arguments() -> argparse.Namespace:
    parser = make_parser(__doc__, results_of("gpu") / "parity.json")
    add_base(parser)
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    texts = [name for name, dataset in DATASETS.items() if dataset.task_type in ("classification", "regression")]
    parser.add_argument("--task", default="sst2", choices=texts, help="task that is trained")
    parser.add_argument("--rows", type=int, default=1000, help="at most so many rows of each side")
    parser.add_argument("--steps", type=int, default=417, help="steps of a run")
    parser.add_argument("--device", default="auto", help="auto, or cpu")
    parser.add_argument("--threads", type=int, default=1, help="threads of torch")
    return parser.parse_args()


if __name__ == "__main__":
    main()
