"""Rows of the demo's tasks."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path

from bitfit_runtime import Row

EACH = 60


def demo_rows(data: Path, tasks: Sequence[str]) -> list[Row]:
    """Return up to EACH rows of each task, the tasks taking turns, so that neighbours have other tasks."""
    columns = [_rows_of(next((data / task).glob("eval.*")), task)[:EACH] for task in tasks]
    longest = max(map(len, columns))
    return [rows[index] for index in range(longest) for rows in columns if index < len(rows)]


def _rows_of(path: Path, task: str) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as file:
        examples = list(csv.DictReader(file)) if path.suffix == ".csv" else [json.loads(line) for line in file]
    return [Row(one["text"], task, one.get("text_pair")) for one in examples]
