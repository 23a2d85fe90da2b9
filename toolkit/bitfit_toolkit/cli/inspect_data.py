"""Facts of a file of examples: how it is read before training, what it holds, and what the length limit would cut."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from bitfit_runtime import Base
from bitfit_runtime.tasks.span import SPAN
from bitfit_runtime.tokenizer import Tokenizer
from bitfit_toolkit.data import Columns, Reading, read_examples
from bitfit_toolkit.data.labels import names_of
from bitfit_toolkit.errors import DataError, ToolkitError
from bitfit_toolkit.tasks import TRAINABLE_TASKS, Example, TrainableTask

UNCUT = 1 << 30  # tokens


def data_facts(
    path: Path, columns: Columns, task_type: str, base: Base | None, max_length: int
) -> tuple[dict[str, Any], Counter[str]]:
    """Return facts of a file of examples, and how often each label occurs. Raises DataError where it cannot be read."""
    reading, labelled = _read(path, columns, task_type)
    examples = reading.examples
    task = TRAINABLE_TASKS[task_type]
    inputs = [text for example in examples for text in _inputs(task, example)]
    named = task_type != SPAN.name  # whose marks are all answers
    counts = Counter(name for example in examples if named for name in names_of(example.label))
    facts: dict[str, Any] = {"kind": "data", **(reading.facts or {}), "task_type": task_type, "rows": len(examples)}
    facts["columns"] = dict(reading.roles or {})
    facts["unused_columns"] = list(reading.unused)
    facts["labelled"] = labelled
    if counts:
        facts["label_count"] = len(counts)
    numbers = [example.label for example in examples if isinstance(example.label, float)]
    if numbers:
        facts["numbers"] = {"least": min(numbers), "median": median(numbers), "most": max(numbers)}
    facts["empty_texts"] = sum(not example.text.strip() for example in examples)
    facts["repeated_texts"] = len(inputs) - len(set(inputs))
    facts["characters"] = _spread([len(text) + len(pair or "") for text, pair in inputs])
    if base is not None:
        facts |= _tokens(base, task, examples, max_length)
    return facts | {"notes": list(reading.notes)}, counts


def _read(path: Path, columns: Columns, task_type: str) -> tuple[Reading, bool]:
    """Return the examples, without labels where the file has no column of them."""
    try:
        return read_examples(path, columns, task_type=task_type), True
    except DataError as error:
        if "has no label column" not in str(error) or columns.label is not None:
            raise
    return read_examples(path, columns, need_label=False, task_type=task_type), False


def _inputs(task: type[TrainableTask[Any, Any]], example: Example) -> list[tuple[str, str | None]]:
    try:
        return task.inputs(example)
    except ToolkitError:  # of an embedding without a second text, which training refuses
        return [(example.text, None)]


def _tokens(
    base: Base, task: type[TrainableTask[Any, Any]], examples: Sequence[Example], max_length: int
) -> dict[str, Any]:
    """Return lengths in tokens, and what a limit of `max_length` cuts off."""
    limit = min(max_length, base.manifest.max_length)
    tokenizer = Tokenizer.from_file(base.tokenizer_path)
    try:
        fitted = task(examples)
    except ToolkitError:  # too few labels to train on: texts have lengths all the same
        fitted = None
    lengths: list[int] = []
    lost = parts = 0
    for example in examples:
        texts = _inputs(task, example)
        lengths += map(len, tokenizer.tokenize(texts, [UNCUT] * len(texts)))
        if fitted is not None and task.label_size(example):
            parts += task.label_size(example)
            lost += task.lost(example, fitted.target(example, tokenizer.tokenize(texts[:1], [limit])[0]))
    cut = {"max_length": limit, "texts": sum(length > limit for length in lengths)}
    return {"tokens": _spread(lengths), "cut": cut | ({"labels": parts, "labels_lost": lost} if parts else {})}


def _spread(values: Sequence[int]) -> dict[str, float]:
    ordered = sorted(values)
    return {"least": ordered[0], "median": median(ordered), "most": ordered[-1]}
