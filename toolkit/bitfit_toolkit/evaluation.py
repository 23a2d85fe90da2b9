"""How well a pack answers, measured through the engine that ships."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from bitfit_runtime import Engine, PackInfo, Row
from bitfit_runtime.answers import DECODERS, RowOutput
from bitfit_runtime.contract import EMBEDDING, TASK_TYPES, TOKEN_LOGITS
from bitfit_runtime.tokens import EncodedText
from bitfit_toolkit.examples import Example
from bitfit_toolkit.kinds import KINDS


def evaluate(engine: Engine, task: str, examples: Sequence[Example]) -> dict[str, float]:
    """Return the metrics of an installed task over labelled examples. Raises DataError on a label it does not know."""
    info = engine.tasks[task]
    kind = KINDS[info.task_type]
    kind.check(examples, info.labels)
    return kind.metrics(examples, engine_answers(engine, task, examples))


def engine_answers(engine: Engine, task: str, examples: Sequence[Example]) -> list[Any]:
    """Return the engine's answer to each example; for embeddings a list of two, one for each text."""
    if engine.tasks[task].task_type != EMBEDDING:
        answers: list[Any] = engine.predict([Row(e.text, task, e.text_pair) for e in examples])
        return answers
    kind = KINDS[EMBEDDING]
    rows = [Row(text, task) for example in examples for text, _ in kind.texts(example)]
    vectors = iter(engine.predict(rows))
    return [[next(vectors) for _ in kind.texts(example)] for example in examples]


def torch_answers(
    info: PackInfo,
    examples: Sequence[Example],
    raw: Sequence[npt.NDArray[np.float32]],
    texts: Sequence[list[EncodedText]],
) -> list[Any]:
    """Decode a torch model's raw outputs, one an example, just as the engine decodes the graph's."""
    decode = DECODERS[info.task_type]
    answers: list[Any] = []
    for example, values, own in zip(examples, raw, texts, strict=True):
        row = Row(example.text, info.task, example.text_pair)
        if info.task_type == EMBEDDING:
            answers.append([decode(RowOutput(info.task, info, row, v, t)) for v, t in zip(values, own, strict=True)])
        else:
            part = values[: len(own[0])] if TASK_TYPES[info.task_type].output == TOKEN_LOGITS else values
            answers.append(decode(RowOutput(info.task, info, row, part, own[0])))
    return answers
