"""The estimators, as scikit-learn uses them."""

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.utils.estimator_checks import (
    check_do_not_raise_errors_in_init_or_set_params,
    check_estimator_cloneable,
    check_estimator_repr,
    check_estimator_tags_renamed,
    check_get_params_invariance,
    check_mixin_order,
    check_no_attributes_set_in_init,
    check_parameters_default_constructible,
    check_set_params,
)

from bitfit_runtime import Base, Engine
from bitfit_toolkit.errors import DataError
from bitfit_toolkit.faces import BitFitClassifier, BitFitRegressor
from support.examples import texts

TEXTS = [" ".join(words) for words in texts(60)]
LABELS = np.array([7 if "zz" in text else 3 for text in TEXTS])
QUICK = {"terms": "none", "max_steps": 30, "learning_rate": 0.05, "encoding": "float32"}
# The others fit on matrices of numbers, which texts are not.
CHECKS = (
    check_estimator_cloneable,
    check_do_not_raise_errors_in_init_or_set_params,
    check_estimator_repr,
    check_estimator_tags_renamed,
    check_get_params_invariance,
    check_mixin_order,
    check_no_attributes_set_in_init,
    check_parameters_default_constructible,
    check_set_params,
)


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("kind", [BitFitClassifier, BitFitRegressor])
def test_scikit_learns_checks_that_need_no_numbers_pass(kind: Any, check: Any) -> None:
    check(kind.__name__, kind())


def test_a_classifier_fits_predicts_clones_and_pickles(base: Base) -> None:
    estimator = BitFitClassifier(base.folder, threads=1, **QUICK)
    with pytest.raises(NotFittedError):
        estimator.predict(TEXTS)
    assert estimator.fit(TEXTS, LABELS) is estimator
    assert list(estimator.classes_) == [3, 7] and estimator.score(TEXTS, LABELS) > 0.8
    probabilities = estimator.predict_proba(np.array(TEXTS))
    assert np.allclose(probabilities.sum(1), 1) and probabilities.shape == (60, 2)
    engine = Engine(base, threads=1)
    engine.install("t", estimator.pack_)
    assert [int(a.label) for a in engine.predict(TEXTS, "t")] == list(estimator.predict(TEXTS))
    again = pickle.loads(pickle.dumps(estimator))
    assert np.array_equal(again.predict_proba(TEXTS), probabilities)
    with pytest.raises(NotFittedError):
        clone(estimator).predict(TEXTS)
    assert estimator.predict_proba([]).shape == (0, 2)


def test_a_grid_is_searched(base: Base) -> None:
    search = GridSearchCV(
        BitFitClassifier(base.folder, threads=1, **QUICK), {"learning_rate": [1e-6, 0.05]}, cv=2, error_score="raise"
    )
    search.fit(TEXTS, LABELS)
    assert search.best_params_ == {"learning_rate": 0.05} and search.best_estimator_.pack_.has_head


def test_a_regressor_gives_numbers(base: Base) -> None:
    numbers = np.array([text.count("z") for text in TEXTS], float)
    found = BitFitRegressor(base.folder, threads=1, **QUICK).fit(TEXTS, numbers).predict(TEXTS)
    assert found.shape == (60,) and np.corrcoef(found, numbers)[0, 1] > 0.5


def test_classes_are_the_labels_that_were_given_white_space_and_all(base: Base) -> None:
    labels = ["yes " if "zz" in text else "no" for text in TEXTS]
    estimator = BitFitClassifier(base.folder, threads=1, **QUICK).fit(TEXTS, labels)
    assert list(estimator.classes_) == ["no", "yes "] and estimator.pack_.info.labels == ("no", "yes")
    assert estimator.score(TEXTS, labels) > 0.8
    with pytest.raises(DataError, match="look alike"):
        estimator.fit(TEXTS, ["yes", *labels[1:-1], "yes "])


@pytest.mark.parametrize("missing", [None, float("nan"), np.nan, pd.NA, pd.NaT])
def test_a_missing_label_is_refused_and_never_a_class(base: Base, missing: Any) -> None:
    labels: list[Any] = ["yes", "no"] * 30
    labels[3] = missing
    for given in (labels, np.array(labels, object), pd.Series(labels, index=range(60, 0, -1))):
        with pytest.raises(DataError, match=r"y\[3\] is missing"):
            BitFitClassifier(base.folder, **QUICK).fit(TEXTS, given)
    numbers = np.arange(60.0)
    numbers[3] = np.nan
    with pytest.raises(DataError, match=r"y\[3\] is missing"):
        BitFitRegressor(base.folder, **QUICK).fit(TEXTS, numbers)


def test_wrong_inputs_are_refused(base: Base) -> None:
    estimator = BitFitClassifier(base.folder, **QUICK)
    for given, labels in (("text", [1]), ([["a"]], [1]), ([1, 2], [1, 2]), (TEXTS, LABELS[:3]), (TEXTS, None)):
        with pytest.raises(DataError):
            estimator.fit(given, labels)
