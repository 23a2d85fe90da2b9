"""Metrics where there is little to measure: each has one right value, and none is missing."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from bitfit_toolkit.tasks import TRAINABLE_TASKS, Example, Mark


@dataclass(frozen=True)
class Chosen:
    labels: tuple[str, ...]
    chosen: tuple[str, ...]


@dataclass(frozen=True)
class Found:
    value: float = 0.0
    label: str = ""
    text: str = ""
    start: int = 0
    end: int = 0
    entities: tuple[Any, ...] = ()
    vector: Any = None


def multi_label(expected: list[tuple[str, ...]], chosen: list[tuple[str, ...]], *labels: str) -> dict[str, float]:
    examples = [Example("a", label=label) for label in expected]
    return TRAINABLE_TASKS["multi-label"].metrics(examples, [Chosen(labels, one) for one in chosen])


def test_f1_of_one_label_is_that_of_its_presence() -> None:
    nothing_chosen = multi_label([("a",), *[()] * 9], [()] * 10, "a")
    assert nothing_chosen == {"f1_micro": 0.0, "f1_macro": 0.0, "exact": 0.9}
    half = multi_label([("a",), ("a",), ()], [("a",), (), ()], "a")
    assert half["f1_micro"] == half["f1_macro"] == pytest.approx(2 / 3)
    assert multi_label([(), ()], [(), ()], "a") == {"f1_micro": 0.0, "f1_macro": 0.0, "exact": 1.0}
    assert multi_label([("a",)], [("a",)], "a", "b") == {"f1_micro": 1.0, "f1_macro": 0.5, "exact": 1.0}


def test_f1_of_several_labels_is_scikit_learns() -> None:
    from sklearn.metrics import f1_score

    generator = np.random.default_rng(0)
    expected, found = generator.random((2, 50, 4)) < 0.3
    sets = [[tuple(np.array(list("abcd"))[row]) for row in rows] for rows in (expected, found)]
    got = multi_label(*sets, *"abcd")
    for average in ("micro", "macro"):
        assert got[f"f1_{average}"] == f1_score(expected, found, average=average, zero_division=0)


def test_the_other_metrics_are_numbers_too() -> None:
    def of(task_type: str, examples: list[Example], answers: list[Any]) -> dict[str, float]:
        return TRAINABLE_TASKS[task_type].metrics(examples, answers)

    one_class = of("classification", [Example("a", label="x")] * 3, [Found(label="x")] * 3)
    assert one_class == {"accuracy": 1.0, "f1_macro": 1.0, "matthews": 0.0}
    constant = of("regression", [Example("a", label=2.0)] * 3, [Found(value=float(i)) for i in range(3)])
    assert constant == {"pearson": 0.0, "spearman": 0.0, "mse": pytest.approx(5 / 3)}
    near = of(
        "regression", [Example("a", label=float(i)) for i in range(3)], [Found(value=1 + i * 1e-16) for i in range(3)]
    )
    assert all(np.isfinite(value) for value in near.values())
    assert of("token-classification", [Example("a", label=())], [Found()]) == {"f1": 0, "precision": 0, "recall": 0}
    span = [Example("q", "the", (Mark("answer", 0, 3),))]
    assert of("span", span, [Found()]) == {"f1": 1.0, "exact": 1.0}
    assert of("span", [Example("q", "Ann", (Mark("answer", 0, 3),))], [Found()]) == {"f1": 0.0, "exact": 0.0}
    zero = [[Found(vector=np.zeros(4)), Found(vector=np.ones(4))], [Found(vector=np.ones(4)), Found(vector=np.ones(4))]]
    alike = of("embedding", [Example("a", "b", 0.0), Example("a", "b", 1.0)], zero)
    assert all(np.isfinite(value) for value in alike.values())
