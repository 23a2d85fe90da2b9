"""Linear estimators on a base's vectors, against what scikit-learn answers."""

import json
import shutil
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from sklearn.cross_decomposition import PLSRegression
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, PoissonRegressor, Ridge, RidgeClassifier
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer, StandardScaler
from sklearn.svm import SVC, LinearSVC

from bitfit_runtime import Base, Engine
from bitfit_toolkit.convert import from_setfit, from_sklearn
from bitfit_toolkit.convert.estimators import read_estimator
from bitfit_toolkit.convert.packing import Naming
from bitfit_toolkit.errors import ConversionError
from support.examples import texts

TEXTS = [" ".join(words) for words in texts(60)]
MANY = np.array([("zz" in text) + ("b" in text) for text in TEXTS])
TWO = np.array(["yes" if "zz" in text else "no" for text in TEXTS])
SETS = np.stack([MANY > 0, TWO == "yes"], 1).astype(int)


@pytest.fixture(scope="module")
def vectors(base: Base) -> Any:
    return Engine(base, threads=1).embed(TEXTS)


def answers(base: Base, pack: Any) -> list[Any]:
    engine = Engine(base, threads=1)
    engine.install("t", pack)
    return engine.predict(TEXTS, "t")


@pytest.mark.parametrize("labels", [TWO, MANY])
@pytest.mark.parametrize(
    "estimator",
    [
        LogisticRegression(),
        RidgeClassifier(),
        LinearSVC(C=0.01, max_iter=100_000),
        make_pipeline(StandardScaler(), LogisticRegression()),
    ],
    ids=["logistic", "ridge", "svc", "scaled"],
)
def test_classifiers_give_the_same_labels(base: Base, vectors: Any, estimator: Any, labels: Any) -> None:
    estimator.fit(vectors, labels)
    converted = from_sklearn(estimator, base, Naming("mood"))
    found = answers(base, converted.pack)
    assert [answer.label for answer in found] == [str(label) for label in estimator.predict(vectors)]
    assert converted.pack.info.terms == () and not converted.pack.info.metrics
    if hasattr(estimator, "predict_proba"):
        assert np.allclose([answer.probabilities for answer in found], estimator.predict_proba(vectors), atol=1e-4)
        assert not any("margins" in note for note in converted.notes)
    else:
        assert any("margins" in note for note in converted.notes)


def test_label_sets_and_numbers_are_converted(base: Base, vectors: Any) -> None:
    several = OneVsRestClassifier(LogisticRegression()).fit(vectors, SETS)
    found = answers(base, from_sklearn(several, base, Naming(labels=("b", "z"))).pack)
    assert np.allclose([answer.probabilities for answer in found], several.predict_proba(vectors), atol=1e-4)
    numbers = Ridge().fit(vectors, MANY * 100.0)
    found = answers(base, from_sklearn(numbers, base).pack)
    assert np.allclose([answer.value for answer in found], numbers.predict(vectors), atol=1e-2)


def test_a_head_on_vectors_of_length_one_is_scaled_and_says_so(base: Base, vectors: Any) -> None:
    scaled = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    estimator = LogisticRegression(C=100).fit(scaled, TWO)
    converted = from_sklearn(estimator, base, normalized_texts=TEXTS)
    found = [answer.label for answer in answers(base, converted.pack)]
    assert np.mean(np.array(found) == estimator.predict(scaled)) > 0.9
    assert "length 1" in converted.notes[0]


@pytest.mark.parametrize(
    ("estimator", "targets", "exact"),
    [
        (LogisticRegression(fit_intercept=False), TWO, True),
        (LogisticRegression(), TWO, False),
        (OneVsRestClassifier(LogisticRegression(fit_intercept=False)), SETS, True),
        (OneVsRestClassifier(LogisticRegression()), SETS, False),
        (Ridge(), MANY, False),
        (Ridge(fit_intercept=False), MANY, False),
    ],
)
def test_labels_are_called_exact_where_lengths_change_none(
    estimator: Any, targets: Any, exact: bool, base: Base, vectors: Any
) -> None:
    scaled = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    notes = from_sklearn(estimator.fit(scaled, targets), base, normalized_texts=TEXTS).notes
    assert ("labels are exact" in notes[0]) == exact


def test_equal_biases_of_a_label_set_are_still_biases(base: Base, vectors: Any) -> None:
    several = OneVsRestClassifier(LogisticRegression()).fit(vectors, SETS)
    for member in several.estimators_:
        member.intercept_[:] = 0.5
    assert "labels are exact" not in from_sklearn(several, base, normalized_texts=TEXTS).notes[0]


def test_what_is_not_linear_is_refused(base: Base, vectors: Any) -> None:
    for estimator, reason in (
        (LogisticRegression(), "not fitted"),
        (RandomForestClassifier(3).fit(vectors, TWO), "not linear"),
        (SVC(kernel="linear").fit(vectors, TWO), "not a linear classifier"),
        (PoissonRegressor().fit(vectors, MANY), "answers otherwise"),
        (PLSRegression(2).fit(vectors + 1, MANY), "not fitted, or is not linear|answers otherwise"),
        (RidgeClassifier().fit(vectors, SETS), "answers otherwise"),
        (make_pipeline(Normalizer(), LogisticRegression()).fit(vectors, TWO), "Normalizer cannot"),
        (LogisticRegression().fit(vectors[:, :9], TWO), "vectors of 9 numbers"),
        (object(), "not fitted, or is not linear"),
    ):
        with pytest.raises(ConversionError, match=reason):
            from_sklearn(estimator, base)


def test_a_pickle_runs_only_where_it_may(vectors: Any, tmp_path: Path) -> None:
    joblib.dump(LogisticRegression().fit(vectors, TWO), tmp_path / "head.joblib")
    with pytest.raises(ConversionError, match="runs whatever code"):
        read_estimator(tmp_path / "head.joblib")
    assert read_estimator(tmp_path / "head.joblib", trust_pickle=True).coef_.shape == (1, 64)
    (tmp_path / "torn").write_bytes(b"torn")
    with pytest.raises(ConversionError, match="cannot be read"):
        read_estimator(tmp_path / "torn", trust_pickle=True)


def setfit_folder(tmp_path: Path, checkpoint: Path, vectors: Any, *modules: str, **pooling: Any) -> Path:
    """A SetFit model on the checkpoint; `modules` stand behind the encoder, `pooling` is in the first one's file."""
    folder = Path(shutil.copytree(checkpoint, tmp_path / "setfit"))
    joblib.dump(LogisticRegression().fit(vectors, MANY), folder / "model_head.pkl")
    if modules:
        (folder / "1").mkdir()
        (folder / "1" / "config.json").write_text(json.dumps(pooling))
        listed = [{"type": f"models.{kind}", "path": str(place or "")} for place, kind in enumerate(modules)]
        (folder / "modules.json").write_text(json.dumps(listed))
    return folder


def test_a_setfit_folder_needs_the_bodys_weights(base: Base, checkpoint: Path, vectors: Any, tmp_path: Path) -> None:
    folder = setfit_folder(tmp_path, checkpoint, vectors)
    (folder / "config_setfit.json").write_text('{"normalize_embeddings": false, "labels": ["a", "b", "c"]}')
    pack = from_setfit(folder, base, trust_pickle=True).pack
    assert pack.info.labels == ("a", "b", "c")
    with pytest.raises(ConversionError, match="runs whatever code"):
        from_setfit(folder, base)
    (folder / "config_setfit.json").write_text('{"normalize_embeddings": true}')
    with pytest.raises(ConversionError, match="length 1"):
        from_setfit(folder, base, trust_pickle=True)
    tensors = load_file(folder / "model.safetensors")
    changed = {name: value + np.float32(0.01) if "query" in name else value for name, value in tensors.items()}
    save_file(changed, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(ConversionError, match="the body was tuned"):
        from_setfit(folder, base, trust_pickle=True)


@pytest.mark.parametrize(
    ("modules", "pooling", "said", "reason"),
    [
        (("Pooling", "Dense"), "mean", {}, "the layer Dense behind the pooling"),
        (("Pooling", "LayerNorm"), "mean", {}, "the layer LayerNorm behind the pooling"),
        (("Pooling",), "max", {}, "pools this model by max"),
        (("Pooling",), "mean_sqrt_len_tokens", {}, "root of the length"),
        ((), "mean", {}, "names no pooling"),
        (("Pooling",), "cls", {}, "pools by cls, the base by mean"),
        (("Pooling",), "mean", {"sentence_bert_config.json": {"do_lower_case": True}}, "lower case"),
        (
            ("Pooling",),
            "mean",
            {"config_sentence_transformers.json": {"prompts": {"q": "query: "}, "default_prompt_name": "q"}},
            "its prompt 'q'",
        ),
    ],
)
def test_a_setfit_head_on_other_vectors_is_refused(
    modules: tuple[str, ...],
    pooling: str,
    said: dict[str, Any],
    reason: str,
    base: Base,
    checkpoint: Path,
    vectors: Any,
    tmp_path: Path,
) -> None:
    folder = setfit_folder(tmp_path, checkpoint, vectors, "Transformer", *modules, pooling_mode=pooling)
    for name, document in said.items():
        (folder / name).write_text(json.dumps(document))
    with pytest.raises(ConversionError, match=reason):
        from_setfit(folder, base, trust_pickle=True)


def test_lengths_and_prompts_that_setfit_never_uses_are_no_reason(
    base: Base, checkpoint: Path, vectors: Any, tmp_path: Path
) -> None:
    modules = ("Transformer", "Pooling", "Normalize")
    folder = setfit_folder(tmp_path, checkpoint, vectors, *modules, pooling_mode="mean")
    (folder / "config_sentence_transformers.json").write_text('{"prompts": {"query": "query: "}}')
    assert from_setfit(folder, base, texts=TEXTS, trust_pickle=True).pack.has_head
