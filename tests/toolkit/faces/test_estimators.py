"""The estimators, as scikit-learn uses them."""

import pickle
from typing import Any

import numpy as np
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


def test_wrong_inputs_are_refused(base: Base) -> None:
    estimator = BitFitClassifier(base.folder, **QUICK)
    for given, labels in (("text", [1]), ([["a"]], [1]), ([1, 2], [1, 2]), (TEXTS, LABELS[:3]), (TEXTS, None)):
        with pytest.raises(DataError):
            estimator.fit(given, labels)
