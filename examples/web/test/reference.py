"""Print what the Python engine answers to the demo's evaluation texts: `python reference.py MODELS`."""

import csv
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bitfit_runtime import Engine, Prediction, Row

DATA: Final = Path(__file__).parents[2] / "data"
TASKS: Final = {"sentiment": "csv", "intents": "csv", "spam": "jsonl", "duplicates": "csv"}


def rows(task: str, suffix: str) -> Iterator[Row]:
    """Yield the texts of a task's evaluation data."""
    lines = (DATA / task / f"eval.{suffix}").read_text(encoding="utf-8").splitlines()
    for record in csv.DictReader(lines) if suffix == "csv" else map(json.loads, lines):
        yield Row(record["text"], task, record.get("text_pair"))


def main(models: Path) -> None:
    """Print a list of rows, each with its label and logits."""
    engine = Engine(models / "base")
    for task in TASKS:
        engine.install(task, models / f"{task}.safetensors")
    asked = [row for task, suffix in TASKS.items() for row in rows(task, suffix)]
    found = []
    for row, answer, logits in zip(asked, engine.predict(asked), engine.logits(asked), strict=True):
        assert isinstance(answer, Prediction)
        row_of_page = {"text": row.text, "task": row.task} | ({"textPair": row.text_pair} if row.text_pair else {})
        found.append({"row": row_of_page, "label": answer.label, "logits": logits.tolist()})
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
