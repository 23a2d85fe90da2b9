"""Accuracy on documents of which one window holds the evidence, beside the same texts cut to that window.

    python -m windows.run --base BASE [--epochs …] [--rate …] [--seeds …] [--threads 1]

Documents are made for the purpose (`documents.py`), and kept where the evidence lies in one window alone. Every cell is
an arm and a seed, which draws the documents and trains: `windows` reads the whole documents, `evidence` the one window
as a text of its own with the same options, `cut` the documents' first window. Packs are int8, evaluated in the engine.
Each cell is written as it ends; a second call goes on where the first stopped.
"""

import argparse
import json
import random
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import torch

from bitfit_runtime import Base, Engine
from bitfit_runtime.tokenizer import Tokenizer
from bitfit_runtime.windows import Limit
from bitfit_toolkit import Example, TrainOptions, evaluate, train
from harness.machine import facts
from harness.options import add_base, make_parser, results_of, silence
from harness.reports import Table, write_report
from windows.documents import SUBJECTS, Document, make_document

ARMS = ("evidence", "cut", "windows")
CELLS = "cells.jsonl"
MEASURED_IN_TRAINING = 4  # documents; all are answered afterwards


@dataclass(frozen=True, slots=True)
class Plan:
    """What is trained and how: all that a cell depends on but its arm and seed."""

    words: int
    training: int
    evaluation: int
    epochs: float
    rate: float
    terms: str
    from_layer: int
    precision: str
    max_length: int
    max_windows: int

    @property
    def options(self) -> TrainOptions:
        """The options that all arms have but for the seed."""
        return TrainOptions(
            num_train_epochs=self.epochs,
            learning_rate=self.rate,
            terms=self.terms,
            from_layer=self.from_layer,
            precision=self.precision,
            max_length=self.max_length,
            windows="maximum",
            max_windows=self.max_windows,
            encoding="int8",
        )


@dataclass(frozen=True, slots=True)
class Cut:
    """A document whose evidence lies in one of its `windows`, and that window as a text."""

    document: Document
    text: str
    windows: int


def main() -> None:
    arguments = parse_arguments()
    silence()
    torch.set_num_threads(arguments.threads)
    base, path = Base.open(arguments.base), arguments.output / CELLS
    plan = Plan(**{name: getattr(arguments, name) for name in Plan.__dataclass_fields__})
    cells = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    for seed in arguments.seeds:
        for arm in arguments.arms:
            key = {"arm": arm, "seed": seed, "plan": asdict(plan)}
            if not any(key.items() <= cell.items() for cell in cells):
                cells.append(key | measure(base, plan, arm, seed))
                path.parent.mkdir(parents=True, exist_ok=True)
                with path.open("a") as stream:
                    stream.write(json.dumps(cells[-1]) + "\n")
                print(json.dumps(cells[-1]), flush=True)
    report(arguments.output, base, cells)


def measure(base: Base, plan: Plan, arm: str, seed: int) -> dict[str, Any]:
    """Train a pack on the documents of a seed and evaluate it on others."""
    draw, tokenizer = random.Random(seed), Tokenizer.from_file(base.tokenizer_path)
    labels = islice(cycle(SUBJECTS), plan.training + plan.evaluation)
    made = [sole(tokenizer, plan, label, draw) for label in labels]
    examples = [Example(cut.text if arm == "evidence" else cut.document.text, None, cut.document.label) for cut in made]
    training, evaluation = examples[: plan.training], examples[plan.training :]
    options = replace(plan.options, seed=seed)
    if arm == "cut":
        options = replace(options, windows="none", max_windows=TrainOptions().max_windows)
    engine, began = Engine(base, threads=torch.get_num_threads()), time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        pack = Path(folder) / "pack"
        learned = train(base, training, evaluation[:MEASURED_IN_TRAINING], pack, options)
        trained = time.process_time()
        engine.install("task", pack)
    accuracy = evaluate(engine, "task", evaluation)["accuracy"]
    return {
        "accuracy": accuracy,
        "pack_bytes": learned.pack_bytes,
        "windows": sum(cut.windows for cut in made) / len(made),
        "words": sum(len(cut.document.text.split()) for cut in made) / len(made),
        "training_seconds": trained - began,
        "evaluation_seconds": time.process_time() - trained,
        "notes": learned.notes,
    }


def sole(tokenizer: Tokenizer, plan: Plan, label: str, draw: random.Random) -> Cut:
    """Return a document whose evidence, with all its tokens, lies in one window and in no other."""
    limit = Limit(plan.max_length, plan.max_length // 4, plan.max_windows)
    while True:
        document = make_document(label, plan.words, draw)
        (text,) = tokenizer.tokenize_windows([(document.text, None)], [limit])
        parts = [text.text.offsets[part.start : part.stop] for part in text.slices]
        of = document.evidence
        holding = [part for part in parts if part[0][0] < of.stop and of.start < part[-1][1]]
        start, stop = int(holding[0][0][0]), int(holding[0][-1][1])
        if len(holding) == 1 and not text.text.truncated and start <= of.start and of.stop <= stop:
            return Cut(document, document.text[start:stop], len(text))


def report(folder: Path, base: Base, cells: Sequence[dict[str, Any]]) -> None:
    """Write what all cells say, a row for each."""
    rows = [
        (
            *(cell["arm"], str(cell["seed"]), f"{cell['plan']['epochs']:g}", f"{cell['plan']['rate']:g}"),
            *(f"{cell['words']:,.0f}", f"{cell['windows']:.1f}", f"{cell['accuracy']:.3f}"),
            *(f"{cell['training_seconds']:,.0f}", f"{cell['evaluation_seconds']:,.0f}"),
        )
        for cell in cells
    ]
    header = ("arm", "seed", "epochs", "rate", "words", "windows", "accuracy", "training s", "evaluation s")
    note = "Accuracy in the engine; seconds of the processor, on a machine that did other work. Chance is 0.2."
    table = Table("Cells", note, header, rows)
    write_report(folder, "Windows", {**facts(), "base": base.manifest.name, "plan": cells[-1]["plan"]}, [table])


def parse_arguments() -> argparse.Namespace:
    parser = make_parser(__doc__, results_of("windows"))
    add_base(parser)
    parser.add_argument("--arms", nargs="+", default=ARMS, choices=ARMS, help="run just these")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="a run of each arm for each")
    parser.add_argument("--words", type=int, default=5000, help="words of a document, at least")
    parser.add_argument("--training", type=int, default=120, help="documents to learn from")
    parser.add_argument("--evaluation", type=int, default=200, help="documents to be answered")
    parser.add_argument("--epochs", type=float, default=300, help="passes over the documents")
    parser.add_argument("--rate", type=float, default=0.1, help="learning rate")
    parser.add_argument("--terms", default="none", help="biases that learn; none is the head alone")
    parser.add_argument("--from-layer", type=int, default=0, help="first layer that learns, where biases do")
    parser.add_argument("--precision", default="fp32", help="precision of arithmetic in training")
    parser.add_argument("--max-length", type=int, default=128, help="tokens of a window")
    parser.add_argument("--max-windows", type=int, default=96, help="windows of a document")
    parser.add_argument("--threads", type=int, default=1, help="threads of torch and of the engine")
    return parser.parse_args()


if __name__ == "__main__":
    main()
