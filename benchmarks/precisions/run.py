"""What fp32, int8 and int4 bases cost and answer: size, speed, memory, distance from torch, accuracy of their packs.

    python -m precisions.run [--data FOLDER] [--output FOLDER]

`FOLDER` is that of `methods`; without it no pack is trained. Each figure is written as it is measured, and a second
call goes on where the first stopped; delete the bases in `--work` after a change of the exporter. Sessions run in turns
with all biases fed, one text, one thread. Packs are trained on each base with the learning rates that `methods`
found best, 1,000 examples and 250 steps, and measured in the engine on at most 1,000 rows.
"""

import argparse
import json
import logging
import os
import random
from functools import partial
from pathlib import Path
from statistics import mean, stdev

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # else torch's threads spin on while a session is timed

import torch

from bitfit_exporters import ExportOptions, export
from bitfit_runtime import Base
from bitfit_toolkit import TrainOptions, load_examples, train
from harness.clock import interleaved, pin
from harness.ledger import Ledger, Times
from harness.machine import processor, versions
from harness.models import BERT, MINILM, checkpoint
from harness.packs import task_feeds, write_random_pack
from methods.run import TASKS, some
from speed.arms import open_session, random_tokens
from speed.plan import FULL
from speed.prepare import ROOT
from speed.processes import run_process

PRECISIONS = ("fp32", "int8", "int4")
RATES = {"sst2": 3e-3, "banking77": 1e-2, "stsb": 1e-2}
EXAMPLES, STEPS, SEEDS = 1000, 250, 3
SEQUENCES = (16, 128)
STARTS = 3
SIZE, LATENCY, PROCESS, ACCURACY = "size", "latency", "process", "accuracy"
Bases = dict[str, Base]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--output", type=Path, default=Path(__file__).with_name("results"))
    parser.add_argument("--work", type=Path, default=ROOT / ".bench", help="where bases are kept")
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)
    pin(1)
    torch.set_num_threads(1)
    arguments.work.mkdir(parents=True, exist_ok=True)
    models = {model: {p: exported(model, p, arguments.work) for p in PRECISIONS} for model in (MINILM, BERT)}
    graphs = {name: " ".join(base.manifest.digest[7:19] for base in own.values()) for name, own in models.items()}
    ledger = Ledger(arguments.output / "results.jsonl", {"processor": processor(), "versions": versions()}, graphs)
    for name, bases in models.items():
        ledger.once(SIZE, {"model": name}, partial(sizes, bases))
        for sequence in SEQUENCES:
            ledger.once(LATENCY, {"model": name, "sequence": sequence}, partial(latencies, bases, sequence))
        ledger.once(PROCESS, {"model": name}, partial(processes, bases))
    write_report(ledger, arguments.output)
    for seed in range(arguments.seeds if arguments.data else 0):
        for task in RATES:
            for precision, base in models[MINILM].items():
                shape = {"model": MINILM, "task": task, "seed": seed, "precision": precision}
                ledger.once(ACCURACY, shape, partial(accuracy, arguments, base, task, seed))
                write_report(ledger, arguments.output)


def exported(model: str, precision: str, work: Path) -> Base:
    """Export a base, once. What the export measured lies beside it."""
    folder = work / f"{model}-{precision}"
    if not report_path(folder).exists():
        print(f"exporting {model} as {precision}", flush=True)
        options = ExportOptions(precision=precision, offline=True, name=model)
        report = export(str(checkpoint(model, work)), folder, options)
        report_path(folder).write_text(json.dumps(report.as_dict()))
    return Base.open(folder)


def report_path(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.json")


def sizes(bases: Bases) -> Times:
    """Bytes of the bundle, and relative L2 of the pooled vectors from torch's."""
    found = {}
    for precision, base in bases.items():
        report = json.loads(report_path(base.folder).read_text())
        kept = {key: report[key] for key in ("parity_mean", "parity_error", "row_error")}
        found[precision] = kept | {"bytes": sum(path.stat().st_size for path in base.folder.iterdir())}
    return found


def latencies(bases: Bases, sequence: int) -> Times:
    runs = {}
    for precision, base in bases.items():
        feeds = {**random_tokens(1, sequence), **task_feeds(base, 0)}
        runs[precision] = partial(open_session(base.model_path, 1).run, ["logits"], feeds)
    return interleaved(runs, FULL.rounds, FULL.seconds)


def processes(bases: Bases) -> Times:
    """A fresh process each: milliseconds to its first answer (the least), megabytes at its peak and afterwards."""
    found: dict[str, dict[str, float]] = {}
    for turn in range(STARTS + 1):
        for precision, base in bases.items():
            pack = base.folder.with_name(f"{base.folder.name}.safetensors")
            write_random_pack(base, 0, pack)
            measured = run_process(["ours", str(base.folder), "1", str(pack)])
            if turn:  # the first fills the page cache
                best = min(measured["first_answer_ms"], found.get(precision, measured)["first_answer_ms"])
                found[precision] = measured | {"first_answer_ms": best}
    return found


def accuracy(arguments: argparse.Namespace, base: Base, task: str, seed: int) -> Times:
    """The metric of one pack in the engine and in torch."""
    train_file, eval_file, task_type, metric = TASKS[task]
    rows, evaluation = (
        load_examples(arguments.data / task / file, task_type=task_type) for file in (train_file, eval_file)
    )
    options = TrainOptions(
        task=task,
        task_type=task_type,
        metric=metric,
        steps=STEPS,
        learning_rate=RATES[task],
        seed=seed,
        max_length=96,
        encoding="int8",
    )
    chosen = random.Random(seed).sample(rows, EXAMPLES)
    report = train(base, chosen, some(evaluation, EXAMPLES), arguments.work / "precisions.safetensors", options)
    figures = {"engine": report.engine[report.metric], "torch": report.torch[report.metric], "metric": report.metric}
    return {base.manifest.precision: figures}


def write_report(ledger: Ledger, output: Path) -> None:
    """Write `report.json` and `report.md`."""
    rows = {}
    for shape, arms in (found for table in (SIZE, LATENCY, PROCESS, ACCURACY) for found in ledger.groups(table)):
        for precision, figures in arms.items():
            row = rows.setdefault((shape["model"], precision), {"tasks": {}})
            if "task" in shape:
                row["tasks"].setdefault(f"{shape['task']} ({figures['metric']})", []).append(100 * figures["engine"])
            elif "sequence" in shape:
                row |= {f"{kind}_ms_{shape['sequence']}": figures[kind] for kind in ("median", "min")}
            else:
                row |= figures
    document = [{"model": model, "precision": precision, **row} for (model, precision), row in rows.items()]
    (output / "report.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    (output / "report.md").write_text("\n".join(markdown(document)) + "\n", encoding="utf-8")


def markdown(rows: list[dict]) -> list[str]:
    """A line a base. Times are relative to int8's in the same turns: medians, in brackets minima."""
    tasks = list(dict.fromkeys(task for row in rows for task in row["tasks"]))
    head = ["base", "precision", "bundle MB", "from torch", *(f"time / int8's, {n} tokens" for n in SEQUENCES)]
    head += ["ms to first answer", "peak MB", "resident MB", *tasks]
    lines = [head, ["---"] * len(head)]
    of = {(row["model"], row["precision"]): row for row in rows}
    for row in rows:
        int8 = of[row["model"], "int8"]
        figures = [f"{row['bytes'] / 1e6:.1f}", f"{row['parity_mean']:.3f}"]
        for length in SEQUENCES:
            median, least = (ratio(row, int8, f"{kind}_ms_{length}") for kind in ("median", "min"))
            figures.append(f"{median} ({least})")
        figures += [f"{row[key]:.0f}" for key in ("first_answer_ms", "peak_mb", "resident_mb")]
        lines.append(
            [row["model"], row["precision"], *figures, *(points(row["tasks"].get(task, [])) for task in tasks)]
        )
    return [f"| {' | '.join(line)} |" for line in lines]


def ratio(row: dict, other: dict, key: str) -> str:
    return f"{row[key] / other[key]:.2f}"


def points(found: list[float]) -> str:
    if not found:
        return "–"
    return f"{mean(found):.1f}" + (f" ± {stdev(found):.1f}" if len(found) > 1 else " (one seed)")


if __name__ == "__main__":
    main()
