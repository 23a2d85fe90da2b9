"""Every task type learns, packs, answers and is measured, on one tiny base."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bitfit_runtime import Base, Engine, Row
from bitfit_runtime.errors import InputError
from bitfit_toolkit import Example, TrainOptions, load_examples, train
from bitfit_toolkit.errors import DataError, TrainingError
from bitfit_toolkit.tasks import Mark
from support.command_line import bitfit
from support.examples import rows_of, texts
from support.packs import random_pack


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.parametrize(
    ("task_type", "at_least"),
    [("multi-label", 0.9), ("regression", 0.8), ("token-classification", 0.8), ("span", 0.9), ("embedding", 0.5)],
)
def test_a_task_of_every_type_is_learned_and_measured_in_the_engine(
    base: Base, tmp_path: Path, capsys: pytest.CaptureFixture[str], task_type: str, at_least: float
) -> None:
    data, pack = write(tmp_path / "d.jsonl", rows_of(task_type)), tmp_path / "p.safetensors"
    arguments = ("--epochs", 20, "--learning-rate", 0.02, "--batch-size", 8)
    code, out, err = bitfit(
        *("train", "--base", base.folder, "--train", data, "--eval", data, "--output", pack, "--type", task_type),
        *(*arguments, "--json"),
        capsys=capsys,
    )
    assert code == 0, err
    report = json.loads(out.splitlines()[-1])
    assert report["engine"][report["metric"]] >= at_least
    assert abs(report["difference"]) < 0.1
    code, out, _ = bitfit("eval", "--base", base.folder, "--pack", pack, "--data", data, "--json", capsys=capsys)
    assert json.loads(out)["metrics"] == pytest.approx(report["engine"])
    code, out, err = bitfit(
        *("predict", "--base", base.folder, "--pack", f"p={pack}", "--input", data, "--json"), capsys=capsys
    )
    assert code == 0 and len(out.splitlines()) == 48, err
    code, out, err = bitfit("predict", "--base", base.folder, "--pack", f"p={pack}", "--input", data, capsys=capsys)
    assert code == 0, err
    assert bitfit("inspect", pack, capsys=capsys)[0] == 0


def test_rows_of_different_task_types_share_a_batch_and_answer_as_they_do_alone(base: Base, tmp_path: Path) -> None:
    engine = Engine(base)
    kinds = {
        "classification": 2,
        "multi-label": 3,
        "regression": 1,
        "token-classification": 5,
        "span": 2,
        "embedding": 0,
    }
    for seed, (kind, labels) in enumerate(kinds.items()):
        pack = random_pack(base, seed=seed, labels=labels, task_type=kind)
        engine.install(kind, pack)
    rows = [Row("abc abc. zz", kind, "zzz aa" if kind == "span" else None) for kind in kinds]
    together = engine.predict(rows)
    for row, answer in zip(rows, together, strict=True):
        alone = engine.predict(row)
        if row.task == "embedding":
            np.testing.assert_array_equal(alone.vector, answer.vector)
            np.testing.assert_array_equal(alone.vector, engine.embed(row)[0])
        else:
            assert alone == answer
    with pytest.raises(InputError, match="no logits"):
        engine.logits("a", "embedding")


def test_the_number_of_a_regression_comes_in_its_own_units(base: Base, tmp_path: Path) -> None:
    examples = [Example(" ".join(w), None, 1e6 + 1e5 * sum("z" in x for x in w)) for w in texts()]
    options = TrainOptions(task_type="regression", num_train_epochs=20, learning_rate=0.02)
    report = train(base, examples, examples, tmp_path / "p", options)
    assert report.engine["mse"] < 1e10  # the labels' own variance


def test_simulated_int8_rows_bring_torch_close_to_the_engine(base: Base) -> None:
    import torch

    from bitfit_exporters.encoder import pool
    from bitfit_exporters.read_back import rebuild_encoder
    from bitfit_runtime.tokenizer import Tokenizer, collate
    from bitfit_toolkit.training.simulate_int8 import rounded_activations

    encoder = rebuild_encoder(base).eval()

    def features() -> Any:
        return pool(encoder(**batch), batch["attention_mask"], base.manifest.pooling).detach().numpy()

    lines = [" ".join(words) for words in texts(12)]
    encoded = Tokenizer.from_file(base.tokenizer_path).tokenize([(line, None) for line in lines], [64] * 12)
    tokens = collate(encoded, base.manifest.inputs, base.manifest.pad_token_id)
    batch = {name: torch.from_numpy(array) for name, array in tokens.items()}
    engine = Engine(base).embed(lines)  # type: ignore[arg-type]
    plain = features()
    with rounded_activations(encoder, base):
        simulated = features()
    assert np.linalg.norm(simulated - engine) < 0.2 * np.linalg.norm(plain - engine)


@pytest.mark.parametrize(
    ("task_type", "row", "message"),
    [
        ("token-classification", {"tokens": ["a", "b"], "tags": ["O"]}, "as many tags as words, found 2 and 1"),
        ("token-classification", {"tokens": ["a"], "tags": ["B-"]}, "a tag should be"),
        ("regression", {"text": "a", "label": "many"}, "should be a number"),
        ("regression", {"text": "a", "label": "nan"}, "should be a number"),
        (
            "span",
            {"question": "a", "context": "b c", "answers": {"text": ["d"], "answer_start": [0]}},
            "not in the context",
        ),
        ("span", {"question": "a", "context": "b c", "answers": {"text": [], "answer_start": []}}, "no answer"),
        ("span", {"question": "a", "answers": "b"}, "needs the context"),
        ("multi-label", {"text": "a", "label": 3}, "should be a list"),
    ],
)
def test_labels_that_do_not_fit_the_task_type_are_refused(
    tmp_path: Path, task_type: str, row: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        load_examples(write(tmp_path / "d.jsonl", [row]), task_type=task_type)


def test_bio_tags_become_characters_and_come_back(tmp_path: Path) -> None:
    rows = [{"tokens": ["aa", "b.b", "c", "dd"], "tags": ["B-X", "I-X", "B-X", "I-Y"]}]
    example = load_examples(write(tmp_path / "d.jsonl", rows), task_type="token-classification")[0]
    assert (example.text, example.label) == ("aa b.b c dd", (Mark("X", 0, 6), Mark("X", 7, 8), Mark("Y", 9, 11)))


def test_types_refuse_what_they_cannot_learn(base: Base, tmp_path: Path) -> None:
    number = [Example("a", None, 1.0), Example("b", None, 2.0)]
    for task_type, examples, terms, error in (
        ("embedding", number, "all", DataError),
        ("embedding", [replace(e, text_pair="c") for e in number], "none", TrainingError),
        ("token-classification", [Example("a", None, ())], "all", TrainingError),
        ("multi-label", [Example("a", None, ())], "all", TrainingError),
        ("nothing", number, "all", TrainingError),
    ):
        with pytest.raises(error):
            train(base, examples, examples, tmp_path / "p", TrainOptions(task_type=task_type, terms=terms))
    assert not (tmp_path / "p").exists()


def test_a_pack_with_the_wrong_number_of_labels_for_its_type_is_refused(base: Base, tmp_path: Path) -> None:
    from bitfit_runtime import write_pack
    from bitfit_runtime.errors import PackFormatError

    good = random_pack(base, labels=3)
    with pytest.raises(PackFormatError, match="a span task has 2 to 2"):
        write_pack(replace(good, info=replace(good.info, task_type="span")), tmp_path / "p")
