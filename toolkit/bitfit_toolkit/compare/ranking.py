"""How well answers order texts, whatever threshold parts them: what accuracy near chance does not show."""

from collections.abc import Sequence
from typing import Any

from bitfit_runtime.tasks.classification import Prediction
from bitfit_toolkit.tasks import Example


def area_under_roc(examples: Sequence[Example], answers: Sequence[Any]) -> float | None:
    """Return the area under the ROC curve of the second of two labels.

    None where answers are no two labels, or where the examples have only one of them.
    """
    from sklearn.metrics import roc_auc_score

    if not all(isinstance(answer, Prediction) and len(answer.labels) == 2 for answer in answers):
        return None
    second = [str(example.label) == answer.labels[1] for example, answer in zip(examples, answers, strict=True)]
    if len(set(second)) < 2:
        return None
    return float(roc_auc_score(second, [answer.probabilities[1] for answer in answers]))
