"""Linear estimators of scikit-learn as one head over a base's vectors."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from bitfit_runtime.tasks.base import softmax
from bitfit_toolkit.errors import ConversionError

Float64 = npt.NDArray[np.float64]
PROBES = 64
SUPPORTED = "LogisticRegression, RidgeClassifier, LinearSVC, OneVsRestClassifier of these, or linear regression"


@dataclass(frozen=True, slots=True)
class LinearHead:
    """Weights `[labels, hidden]` and biases `[labels]` of raw outputs; `exact`: so are probabilities."""

    weight: Float64
    bias: Float64
    task_type: str
    labels: tuple[str, ...]
    exact: bool = True

    def scaled(self, factor: float) -> "LinearHead":
        """Return the head for vectors that are multiplied by `factor` before it reads them."""
        return replace(self, weight=self.weight * factor)


def linear_head_of(estimator: Any) -> LinearHead:
    """Return what a fitted estimator computes of a vector. A pipeline may scale before it (StandardScaler).

    Raises ConversionError where it is not fitted, or not linear.
    """
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler

    if isinstance(estimator, Pipeline):
        *before, (_, last) = estimator.steps
        head = linear_head_of(last)
        for _, step in reversed(before):
            if step in (None, "passthrough"):
                continue
            if not isinstance(step, StandardScaler) or not hasattr(step, "n_features_in_"):
                raise ConversionError(
                    f"a pipeline's {type(step).__name__} cannot become part of a linear head; a fitted StandardScaler "
                    "can"
                )
            head = _behind_scaler(head, step)
        return head
    return _of_estimator(estimator)


def probed(head: LinearHead, estimator: Any) -> LinearHead:
    """Return the head, `exact` where its probabilities are the estimator's on random vectors.

    Coefficients do not say what an estimator does with them (some centre, some have a link): its answers do. Raises
    ConversionError where they differ.
    """
    vectors = np.random.default_rng(0).standard_normal((PROBES, head.weight.shape[1]))
    raw = vectors @ head.weight.T + head.bias
    answers = np.asarray(estimator.predict(vectors))
    if head.task_type == "regression":
        same = answers.size == PROBES and np.allclose(answers.ravel(), raw[:, 0], rtol=1e-4, atol=1e-6)
    elif head.task_type == "multi-label":
        same = answers.shape == raw.shape and np.array_equal(answers > 0, raw > 0)
    else:
        same = answers.ndim == 1 and [head.labels[i] for i in raw.argmax(1)] == list(map(str, answers))
    if not same:
        raise ConversionError(
            f"{type(estimator).__name__} answers otherwise than its coefficients say; give {SUPPORTED}"
        )
    if head.task_type == "regression" or not hasattr(estimator, "predict_proba"):
        return replace(head, exact=head.task_type == "regression")
    with np.errstate(over="ignore"):  # far below 0, where the probability is 0
        given = 1 / (1 + np.exp(-raw)) if head.task_type == "multi-label" else softmax(raw)
    return replace(head, exact=bool(np.allclose(estimator.predict_proba(vectors), given, atol=1e-5)))


def _behind_scaler(head: LinearHead, scaler: Any) -> LinearHead:
    width = scaler.n_features_in_
    scale = np.ones(width) if scaler.scale_ is None else scaler.scale_
    mean = np.zeros(width) if scaler.mean_ is None else scaler.mean_
    weight = head.weight / scale
    return replace(head, weight=weight, bias=head.bias - weight @ mean)


def _of_estimator(estimator: Any) -> LinearHead:
    from sklearn.base import is_classifier, is_regressor
    from sklearn.multiclass import OneVsRestClassifier

    kind = type(estimator).__name__
    if isinstance(estimator, OneVsRestClassifier):
        return _one_vs_rest(estimator)
    if not hasattr(estimator, "coef_"):
        raise ConversionError(f"{kind} has no coefficients: it was not fitted, or is not linear; give {SUPPORTED}")
    if hasattr(estimator, "support_") or not (is_classifier(estimator) or is_regressor(estimator)):
        raise ConversionError(f"{kind} is not a linear classifier or regression; give {SUPPORTED}")
    weight = np.atleast_2d(np.asarray(estimator.coef_, np.float64))
    bias = np.broadcast_to(np.asarray(estimator.intercept_, np.float64).ravel(), (len(weight),))
    if is_regressor(estimator):
        if len(weight) != 1:
            raise ConversionError(f"{kind} is not a linear regression of one number; give {SUPPORTED}")
        return LinearHead(weight, bias, "regression", ("score",))
    classes = estimator.classes_
    if isinstance(classes, list) or (len(weight) != len(classes) and not (len(weight) == 1 and len(classes) == 2)):
        raise ConversionError(f"{kind} has {len(weight)} outputs for {len(classes)} classes; give {SUPPORTED}")
    return _of_classes(weight, bias, tuple(map(str, classes)))


def _one_vs_rest(estimator: Any) -> LinearHead:
    members = getattr(estimator, "estimators_", None)
    if members is None or not all(hasattr(member, "coef_") for member in members):
        raise ConversionError(f"OneVsRestClassifier is not fitted, or holds more than linear members; give {SUPPORTED}")
    weight = np.vstack([np.asarray(member.coef_, np.float64) for member in members])
    bias = np.array([float(np.ravel(member.intercept_)[0]) for member in members])
    labels = tuple(map(str, estimator.classes_))
    if estimator.multilabel_:
        return LinearHead(weight, bias, "multi-label", labels)
    return _of_classes(weight, bias, labels)


def _of_classes(weight: Float64, bias: Float64, labels: tuple[str, ...]) -> LinearHead:
    if len(weight) == 1:  # a sigmoid is a softmax beside zero; the margin of another estimator is treated alike
        weight, bias = np.vstack([np.zeros_like(weight), weight]), np.array([0.0, bias[0]])
    return LinearHead(weight, bias, "classification", labels)
