"""`bitfit convert`: what its flags mean."""

import json
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from bitfit_runtime import Base, Engine, read_pack, write_pack
from support.command_line import bitfit
from support.examples import texts
from support.packs import random_pack

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


def test_a_flag_that_does_nothing_is_refused(base: Base, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pack = write_pack(random_pack(base), tmp_path / "p.safetensors")
    common = ("convert", "--base", base.folder, "--output", tmp_path / "x")
    to, made = ("--pack", pack), ("--adapter", tmp_path)
    for direction, flags in (
        (("--to", "onnx", *to), (("--source", "a"), ("--task", "task"), ("--type", "regression"))),
        (("--to", "onnx-adapter", *to), (("--source", "a"), ("--encoding", "float32"), ("--max-length", 9))),
        (("--to", "peft", *to), (("--labels", "a,b"), ("--normalized", pack), ("--trust-pickle",))),
        (("--from", "peft", *made), (("--normalized", pack), ("--trust-pickle",))),
        (("--from", "setfit", *made), (("--source", "a"),)),
        (("--from", "sklearn", *made), (("--source", "a"),)),
    ):
        for flag in flags:
            code, _, err = bitfit(*common, *direction, *flag, capsys=capsys)
            assert code == 2 and f"{flag[0]}: does nothing with {direction[0]} {direction[1]};" in err, err
    assert not (tmp_path / "x").exists()


def test_an_adapter_names_the_model_that_is_given(
    base: Base, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pack = write_pack(random_pack(base), tmp_path / "p.safetensors")
    to = ("convert", "--to", "peft", "--base", base.folder, "--pack", pack, "--source", "org/the-model")
    assert bitfit(*to, "--output", tmp_path / "adapter", capsys=capsys)[0] == 0
    document = json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())
    assert document["base_model_name_or_path"] == "org/the-model"


def test_spaces_between_labels_are_not_theirs(
    base: Base, head: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call = ("convert", "--from", "sklearn", "--base", base.folder, "--adapter", head, "--trust-pickle")
    file = tmp_path / "p.safetensors"
    assert bitfit(*call, "--labels", "no, yes", "--output", file, capsys=capsys)[0] == 0
    assert read_pack(file).info.labels == ("no", "yes")
