"""Estimators of scikit-learn: `fit` trains a pack on a base, `predict` answers in an engine."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from bitfit_runtime import Base, Engine, Pack
from bitfit_runtime.formats import parse_pack
from bitfit_toolkit.data.table import plain
from bitfit_toolkit.errors import DataError
from bitfit_toolkit.tasks import Example
from bitfit_toolkit.tasks.base import tidy
from bitfit_toolkit.training.options import AUTO, TrainOptions
from bitfit_toolkit.training.train import train

TASK = "task"


class _Estimator(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """What both estimators share. Parameters are those of `TrainOptions`, by the same names.

    After `fit`, `pack_` is the trained pack, and `report_` says what training came to; a fifth of the rows is held out
    for that, as `train` does. Copies and pickles keep the pack, and open the base again where they answer.
    """

    _task_type: str

    def __init__(
        self,
        base: str | Path | Base = "base",
        *,
        terms: str = "all",
        from_layer: int | str = 0,
        num_train_epochs: float | str = AUTO,
        max_steps: int | None = None,
        learning_rate: float | str = AUTO,
        per_device_train_batch_size: int = 32,
        max_length: int = 128,
        encoding: str = AUTO,
        decisions: str = "none",
        seed: int = 0,
        threads: int | None = None,
    ) -> None:
        self.base = base
        self.terms = terms
        self.from_layer = from_layer
        self.num_train_epochs = num_train_epochs
        self.max_steps = max_steps
        self.learning_rate = learning_rate
        self.per_device_train_batch_size = per_device_train_batch_size
        self.max_length = max_length
        self.encoding = encoding
        self.decisions = decisions
        self.seed = seed
        self.threads = threads

    @property
    def pack_(self) -> Pack:
        """The trained pack; `write_pack` writes it."""
        check_is_fitted(self, "packed_")
        return parse_pack(self.packed_)

    def _train(self, examples: list[Example]) -> None:
        given = {name: value for name, value in self.get_params().items() if name not in ("base", "threads")}
        options = TrainOptions(task=TASK, task_type=self._task_type, **given)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "pack.safetensors")
            self.report_ = train(self.base, examples, None, path, options)
            self.packed_ = path.read_bytes()
        self._engine: Engine | None = None

    def _answers(self, texts: Any) -> list[Any]:
        check_is_fitted(self, "packed_")
        engine: Engine | None = getattr(self, "_engine", None)
        if engine is None:
            engine = Engine(self.base, threads=self.threads)
            engine.install(TASK, parse_pack(self.packed_))
            self._engine = engine
        found: list[Any] = engine.predict(_texts(texts), TASK)
        return found

    def __getstate__(self) -> dict[str, Any]:
        """Leave the engine out: a session cannot be pickled."""
        return {**super().__getstate__(), "_engine": None}

    def __sklearn_is_fitted__(self) -> bool:
        """Whether there is a pack."""
        return hasattr(self, "packed_")

    def __sklearn_tags__(self) -> Any:
        """Say that texts are taken, one-dimensional and not numbers."""
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array, tags.input_tags.one_d_array, tags.input_tags.string = False, True, True
        return tags


class BitFitClassifier(ClassifierMixin, _Estimator):  # type: ignore[misc]
    """A classifier of texts. `X` is a list or a column of strings, `y` has a label of any kind for each.

    BitFitClassifier("base").fit(texts, labels).predict(["What a lovely day"])
    """

    _task_type = "classification"

    def fit(self, X: Any, y: Any) -> "BitFitClassifier":  # noqa: N803 (scikit-learn's names)
        """Train a pack. Raises TrainingError, DataError, BaseError."""
        texts, labels = _texts(X), _labels(X, y)
        self.classes_, places = np.unique(labels, return_inverse=True)
        names = self._names()
        if len(set(names)) != len(names):
            raise DataError("two labels of y look alike as text, without white space around them; write them alike")
        self._train([Example(text, label=names[place]) for text, place in zip(texts, places, strict=True)])
        return self

    def predict(self, X: Any) -> Any:  # noqa: N803
        """Return a label for each text."""
        best = self.predict_proba(X).argmax(1)
        return self.classes_[best]

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:  # noqa: N803
        """Return probabilities `[texts, classes]` in the order of `classes_`."""
        answers = self._answers(X)
        known = {label: place for place, label in enumerate(self.pack_.info.labels)}
        order = [known[name] for name in self._names()]
        return np.array([answer.probabilities for answer in answers]).reshape(-1, len(known))[:, order]

    def _names(self) -> list[str]:
        """Return the classes as the pack names them."""
        return [tidy(str(label)) for label in self.classes_]


class BitFitRegressor(RegressorMixin, _Estimator):  # type: ignore[misc]
    """A regression of one number for each text."""

    _task_type = "regression"

    def fit(self, X: Any, y: Any) -> "BitFitRegressor":  # noqa: N803
        """Train a pack. Raises TrainingError, DataError, BaseError."""
        numbers = _labels(X, y).astype(np.float64)
        self._train([Example(text, label=float(value)) for text, value in zip(_texts(X), numbers, strict=True)])
        return self

    def predict(self, X: Any) -> npt.NDArray[np.float64]:  # noqa: N803
        """Return a number for each text."""
        return np.array([answer.value for answer in self._answers(X)], np.float64)


def _texts(given: Any) -> list[str]:
    """Return a column of texts. Raises DataError."""
    if isinstance(given, str) or getattr(given, "ndim", 1) != 1:
        raise DataError("X should be one column of texts, such as a list of strings; give frame['text']")
    texts = list(given)
    for index, text in enumerate(texts):
        if not isinstance(text, str):
            raise DataError(f"X[{index}] should be a string, found {type(text).__name__}; give one text for each row")
    return list(map(str, texts))


def _labels(given: Any, labels: Any) -> Any:
    """Return labels as a vector as long as the texts. Raises DataError, also where one is missing."""
    found = np.asarray(labels)
    if labels is None or found.ndim != 1 or len(found) != len(given):
        raise DataError(f"y should hold one label for each of {len(given)} texts, found shape {found.shape}")
    missing = [index for index, label in enumerate(labels) if plain(label) is None]  # which numpy writes as a word
    if missing:
        raise DataError(f"y[{missing[0]}] is missing; give every text a label, or leave its row out")
    return found
