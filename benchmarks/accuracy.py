"""Accuracy of BitFit and of the head alone on real data, in torch and in the int8 engine.

    python benchmarks/accuracy.py --base BASE --data FOLDER --output results/accuracy.jsonl

`FOLDER` holds `banking77/{train,test}.csv` and `sst2/{train,dev}.jsonl`. Each cell is written as it finishes; cells
that the output file already has are skipped.
"""

import argparse
import json
import random
import tempfile
from dataclasses import replace
from pathlib import Path

from bitfit_toolkit import Columns, Example, TrainOptions, load_examples, train

TASKS = {
    "banking77": ("banking77/train.csv", "banking77/test.csv", None, 5),
    "sst2": ("sst2/train.jsonl", "sst2/dev.jsonl", 16_000, 2),
}
# A head on frozen vectors needs more passes and a larger step than biases do.
METHODS = {"none": TrainOptions(epochs=30, learning_rate=1e-2), "all": TrainOptions(learning_rate=3e-3)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    lines = arguments.output.read_text().splitlines() if arguments.output.exists() else []
    done = {(cell["task"], cell["terms"]) for cell in map(json.loads, lines)}
    for task, (train_file, eval_file, rows, bias_epochs) in TASKS.items():
        examples = _subset(load_examples(arguments.data / train_file, Columns()), rows)
        held_out = load_examples(arguments.data / eval_file)
        for terms, method in METHODS.items():
            if (task, terms) in done:
                continue
            epochs = bias_epochs if terms == "all" else method.epochs
            options = replace(method, task=task, terms=terms, epochs=epochs, batch_size=32)
            with tempfile.TemporaryDirectory() as folder:
                report = train(arguments.base, examples, held_out, Path(folder, "pack.safetensors"), options)
            cell = {"terms": terms, "examples": len(examples), "epochs": epochs} | report.as_dict()
            cell.pop("pack")
            with arguments.output.open("a") as stream:
                stream.write(json.dumps(cell) + "\n")
            print(json.dumps(cell), flush=True)


def _subset(examples: list[Example], rows: int | None) -> list[Example]:
    return examples if rows is None else random.Random(0).sample(examples, rows)


if __name__ == "__main__":
    main()
