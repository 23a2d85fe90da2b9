"""Rows held out, with what the engine gave for them, of which decisions are made and judged."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from bitfit_runtime import Answer, Engine, PackInfo, Row
from bitfit_runtime.decisions import Decisions
from bitfit_runtime.graph import LOGITS, POOLED
from bitfit_runtime.request import Found, answer
from bitfit_toolkit.decisions.temperature import Choices
from bitfit_toolkit.tasks import TRAINABLE_TASKS, Example
from bitfit_toolkit.training.task_data import TaskData

Int64 = npt.NDArray[np.int64]
FEW_LABELS: Final = 8  # up to which outliers are told by pooled vectors


def outlier_space(info: PackInfo) -> str:
    """Return what class centres are of: few labels need pooled vectors, whose centres are larger than logits'."""
    return POOLED if len(info.labels) <= FEW_LABELS else LOGITS


@dataclass(frozen=True, slots=True, eq=False)
class HeldRows:
    """Examples with their items, and what the engine gives for them with the pack of `info`."""

    info: PackInfo
    data: TaskData
    found: tuple[Found, ...]

    @classmethod
    def of(cls, engine: Engine, info: PackInfo, data: TaskData) -> "HeldRows":
        """Ask the engine, in which the pack is installed under its task's name."""
        return cls(info, data, tuple(ask(engine, info, data.examples)))

    def __len__(self) -> int:
        return len(self.found)

    def part(self, indices: Int64) -> "HeldRows":
        """Return some of the rows."""
        examples, items = self.data.examples, self.data.items
        data = TaskData(tuple(examples[i] for i in indices), tuple(items[i] for i in indices))
        return HeldRows(self.info, data, tuple(self.found[i] for i in indices))

    def choices(self) -> Choices:
        """Return what the outputs choose between."""
        task = TRAINABLE_TASKS[self.info.task_type]
        rows = zip(self.data.examples, self.data.items, self.found, strict=True)
        return Choices.of(task.choices(one, item.texts[0], item.target, found.values) for one, item, found in rows)

    def answers(self, decisions: Decisions | None, centres: npt.NDArray[np.float32] | None) -> list[Answer]:
        """Return the answers that the pack gives with these decisions."""
        return answers_with(self.info, decisions, self.data, self.found, centres)


def ask(engine: Engine, info: PackInfo, examples: Sequence[Example]) -> list[Found]:
    """Return what the engine gives for examples: raw outputs, and pooled vectors where outliers are told by them."""
    rows = [Row(example.text, info.task, example.text_pair) for example in examples]
    values = engine.logits(rows)
    if "outliers" not in decided(info) or outlier_space(info) != POOLED:
        return [Found(one) for one in values]
    return [Found(one, pooled) for one, pooled in zip(values, engine.embed(rows), strict=True)]


def decided(info: PackInfo) -> tuple[str, ...]:
    """Return what packs of this type can decide."""
    return TRAINABLE_TASKS[info.task_type].task_type.decides


def answers_with(
    info: PackInfo,
    decisions: Decisions | None,
    data: TaskData,
    found: Sequence[Found],
    centres: npt.NDArray[np.float32] | None,
) -> list[Answer]:
    """Return the answers to examples whose outputs were found, with these decisions in place of the pack's."""
    own = replace(info, decisions=decisions)
    rows = [Row(example.text, own.task, example.text_pair) for example in data.examples]
    each = zip(rows, data.items, found, strict=True)
    return [answer(own, row, item.texts[0], one, centres=centres) for row, item, one in each]
