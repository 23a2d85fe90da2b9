"""Evaluation: how well a pack answers, measured through the engine that ships."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from bitfit_runtime import Engine, PackInfo, Row
from bitfit_runtime.graph import TOKEN_LOGITS
from bitfit_runtime.request import Found, answer
from bitfit_runtime.tasks import TASK_TYPES
from bitfit_toolkit.data import load_examples
from bitfit_toolkit.decisions.report import accepted
from bitfit_toolkit.errors import DataError
from bitfit_toolkit.reports.review import Review
from bitfit_toolkit.tasks import TRAINABLE_TASKS, Example

if TYPE_CHECKING:  # it needs torch
    from bitfit_toolkit.training.task_data import TaskData

Float32 = npt.NDArray[np.float32]


def evaluate(engine: Engine, task: str, examples: Sequence[Example]) -> dict[str, float]:
    """Return the metrics of an installed task over labelled examples. Raises DataError on a label it does not know,
    and where there are no examples.

    Where the pack accepts answers they have the `coverage`, and of the accepted ones the share that is wrong.
    """
    checked = load_examples(examples, task_type=engine.tasks[task].task_type) if examples else []
    return measure(engine, task, checked)[0]


def measure(engine: Engine, task: str, examples: Sequence[Example]) -> tuple[dict[str, float], Review]:
    """Return what `evaluate` does, and what the answers got wrong. Raises DataError."""
    if not examples:
        raise DataError("there are no examples to measure on; give at least one")
    info = engine.tasks[task]
    trainable = TRAINABLE_TASKS[info.task_type]
    trainable.check_labels(examples, info.labels)
    answers = engine_answers(engine, task, examples)
    metrics, judgements = trainable.metrics(examples, answers), trainable.judge(examples, answers)
    if info.decisions is not None and info.decisions.acceptance is not None:
        error, coverage = accepted(answers, judgements)
        metrics |= ({} if error is None else {"accepted_error": error}) | {"coverage": coverage}
    return metrics, Review.of(examples, judgements)


def engine_answers(engine: Engine, task: str, examples: Sequence[Example]) -> list[Any]:
    """Return the engine's answer to each example, or a list of answers where an example has several texts."""
    trainable = TRAINABLE_TASKS[engine.tasks[task].task_type]
    rows = [Row(text, task, pair) for example in examples for text, pair in trainable.inputs(example)]
    return _per_example(iter(engine.predict(rows)), trainable.texts_per_example, len(examples))


def torch_answers(
    info: PackInfo, data: "TaskData", raw: Sequence[Float32], transitions: Float32 | None = None
) -> list[Any]:
    """Postprocess a torch model's raw outputs, one per example, just as the engine does the graph's."""
    task_type, trainable = TASK_TYPES[info.task_type], TRAINABLE_TASKS[info.task_type]
    answers: list[Any] = []
    for example, item, output in zip(data.examples, data.items, raw, strict=True):
        outputs = output if trainable.texts_per_example > 1 else output[None]
        for (text, pair), values, tokens in zip(trainable.inputs(example), outputs, item.texts, strict=True):
            part = values[: len(tokens)] if task_type.output == TOKEN_LOGITS else values
            answers.append(answer(info, Row(text, info.task, pair), tokens, Found(part), transitions))
    return _per_example(iter(answers), trainable.texts_per_example, len(data.examples))


def _per_example(answers: Iterator[Any], each: int, count: int) -> list[Any]:
    return list(answers) if each == 1 else [list(islice(answers, each)) for _ in range(count)]
