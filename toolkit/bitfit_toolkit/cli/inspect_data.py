"""Facts of a file of examples: how it is read before training, what it holds, and what the length limit would cut."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from bitfit_runtime import Base
from bitfit_runtime.tasks.span import SPAN
from bitfit_runtime.tokenizer import Tokenizer
from bitfit_runtime.windows import Limit
from bitfit_toolkit.data import Columns, Reading, read_examples
from bitfit_toolkit.data.labels import names_of
from bitfit_toolkit.errors import DataError, ToolkitError
from bitfit_toolkit.tasks import TRAINABLE_TASKS, Example, TrainableTask
from bitfit_toolkit.training.options import TrainOptions, windows_of

UNCUT = 1 << 30  # tokens


def data_facts(
    path: Path, columns: Columns, base: Base | None, options: TrainOptions
) -> tuple[dict[str, Any], Counter[str]]:
    """Return facts of a file of examples, and how often each label occurs. Raises DataError where it cannot be read.

    With a base, texts are read to the limit that training with `options` would read them to.
    """
    task_type = options.task_type
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
        facts |= _tokens(base, task, examples, options)
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
    base: Base, task: type[TrainableTask[Any, Any]], examples: Sequence[Example], options: TrainOptions
) -> dict[str, Any]:
    """Return lengths in tokens, the windows of longer texts where there are any, and what is cut off."""
    windows, length = windows_of(options, base.manifest.max_length), min(options.max_length, base.manifest.max_length)
    limit = Limit.over(length, windows, options.task_type)
    tokenizer = Tokenizer.from_file(base.tokenizer_path)
    try:
        fitted = task(examples)
    except ToolkitError:  # too few labels to train on: texts have lengths all the same
        fitted = None
    lengths: list[int] = []
    counts: list[int] = []
    lost = parts = truncated = 0
    for example in examples:
        texts = _inputs(task, example)
        lengths += map(len, tokenizer.tokenize(texts, [UNCUT] * len(texts)))
        read = tokenizer.tokenize_windows(texts, [limit] * len(texts))
        counts += [len(text) for text in read if len(text) > 1]
        truncated += sum(text.text.truncated for text in read)
        if fitted is not None and task.label_size(example):
            parts += task.label_size(example)
            lost += task.lost(example, fitted.target(example, read[0].text))
    facts: dict[str, Any] = {"tokens": _spread(lengths)}
    if windows is not None:
        facts["windows"] = {"join": windows.join, "overlap": windows.overlap, "texts": len(counts)}
        facts["windows"] |= {"windows": sum(counts), "most": max(counts, default=0)}
    cut = {"max_length": length} if windows is None else {"max_windows": windows.max_windows}
    cut |= {"texts": truncated}
    return facts | {"cut": cut | ({"labels": parts, "labels_lost": lost} if parts else {})}


def _spread(values: Sequence[int]) -> dict[str, float]:
    ordered = sorted(values)
    return {"least": ordered[0], "median": median(ordered), "most": ordered[-1]}
