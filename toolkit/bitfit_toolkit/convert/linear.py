"""Linear estimators of scikit-learn as one head over a base's vectors."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bitfit_toolkit.errors import ConversionError

Float64 = npt.NDArray[np.float64]
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
        return LinearHead(self.weight * factor, self.bias, self.task_type, self.labels, self.exact)


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


def _behind_scaler(head: LinearHead, scaler: Any) -> LinearHead:
    width = scaler.n_features_in_
    scale = np.ones(width) if scaler.scale_ is None else scaler.scale_
    mean = np.zeros(width) if scaler.mean_ is None else scaler.mean_
    weight = head.weight / scale
    return LinearHead(weight, head.bias - weight @ mean, head.task_type, head.labels, head.exact)


def _of_estimator(estimator: Any) -> LinearHead:
    from sklearn.base import is_classifier, is_regressor
    from sklearn.linear_model import LogisticRegression
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
        if len(weight) != 1 or _has_link(estimator):
            raise ConversionError(f"{kind} is not a linear regression of one number; give {SUPPORTED}")
        return LinearHead(weight, bias, "regression", ("score",))
    classes = estimator.classes_
    if isinstance(classes, list) or (len(weight) != len(classes) and not (len(weight) == 1 and len(classes) == 2)):
        raise ConversionError(f"{kind} has {len(weight)} outputs for {len(classes)} classes; give {SUPPORTED}")
    exact = isinstance(estimator, LogisticRegression) and not _liblinear_of_many(estimator)
    if len(weight) == 1:  # a sigmoid is a softmax beside zero; the margin of another estimator is treated alike
        weight, bias = np.vstack([np.zeros_like(weight), weight]), np.array([0.0, bias[0]])
    return LinearHead(weight, bias, "classification", tuple(map(str, classes)), exact)


def _one_vs_rest(estimator: Any) -> LinearHead:
    from sklearn.linear_model import LogisticRegression

    members = getattr(estimator, "estimators_", None)
    if members is None or not all(hasattr(member, "coef_") for member in members):
        raise ConversionError(f"OneVsRestClassifier is not fitted, or holds more than linear members; give {SUPPORTED}")
    weight = np.vstack([np.asarray(member.coef_, np.float64) for member in members])
    bias = np.array([float(np.ravel(member.intercept_)[0]) for member in members])
    labels = tuple(map(str, estimator.classes_))
    logistic = all(isinstance(member, LogisticRegression) for member in members)
    if estimator.multilabel_:
        return LinearHead(weight, bias, "multi-label", labels, logistic)
    if len(weight) == 1:
        weight, bias = np.vstack([np.zeros_like(weight), weight]), np.array([0.0, bias[0]])
        return LinearHead(weight, bias, "classification", labels, logistic)
    return LinearHead(weight, bias, "classification", labels, False)


def _liblinear_of_many(estimator: Any) -> bool:
    return estimator.solver == "liblinear" and len(estimator.classes_) > 2


def _has_link(estimator: Any) -> bool:
    """Whether a regression's answer is not the linear output itself, as of Poisson's."""
    return hasattr(estimator, "_base_loss") or hasattr(estimator, "_get_loss")
