"""How well a pack answers, measured through the engine that ships."""

from collections.abc import Sequence

from sklearn.metrics import accuracy_score, f1_score

from bitfit_runtime import Engine, Row
from bitfit_toolkit.errors import DataError
from bitfit_toolkit.examples import Example


def metrics(expected: Sequence[str], found: Sequence[str]) -> dict[str, float]:
    """Accuracy and macro-averaged F1 over the labels that occur."""
    return {
        "accuracy": float(accuracy_score(expected, found)),
        "f1_macro": float(f1_score(expected, found, average="macro", zero_division=0)),
    }


def predict_labels(engine: Engine, task: str, examples: Sequence[Example]) -> list[str]:
    """Return the engine's label for each example."""
    answers = engine.predict([Row(example.text, task, example.text_pair) for example in examples])
    return [answer.label for answer in answers]


def evaluate(engine: Engine, task: str, examples: Sequence[Example]) -> dict[str, float]:
    """Return the metrics of an installed task over labelled examples. Raises DataError on a label it does not know."""
    check_labels(engine.tasks[task].labels, examples)
    return metrics([example.label or "" for example in examples], predict_labels(engine, task, examples))


def check_labels(known: Sequence[str], examples: Sequence[Example]) -> None:
    """Raise DataError when an example has a label that is not among `known`."""
    strangers = sorted({example.label or "" for example in examples} - set(known))
    if strangers:
        raise DataError(
            f"{len(strangers)} labels of the evaluation data are unknown to the task, {strangers[0]!r} first; "
            "train with examples of them, or leave those rows out"
        )
