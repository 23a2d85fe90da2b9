"""`bitfit convert`: what its flags mean."""

from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from bitfit_runtime import Base, Engine
from support.command_line import bitfit
from support.examples import texts

TEXTS = [" ".join(words) for words in texts(30)]


@pytest.fixture
def head(base: Base, tmp_path: Path) -> Path:
    """A file of an estimator that was fitted on vectors of length 1."""
    vectors: Any = Engine(base, threads=1).embed(TEXTS)
    labels = ["yes" if "zz" in text else "no" for text in TEXTS]
    fitted = LogisticRegression().fit(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), labels)
    joblib.dump(fitted, tmp_path / "head.joblib")
    return tmp_path / "head.joblib"


def test_texts_that_lengths_are_measured_on_need_no_labels(
    base: Base, head: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "texts.csv"
    data.write_text("\n".join(["text", *TEXTS]))
    call = ("convert", "--from", "sklearn", "--base", base.folder, "--adapter", head, "--trust-pickle")
    code, _, err = bitfit(*call, "--normalized", data, "--output", tmp_path / "p.safetensors", capsys=capsys)
    assert code == 0 and "vectors of length 1" in err
