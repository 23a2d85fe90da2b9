"""Training fits decisions on evaluation rows, through the engine, and the command line shows what they come to."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bitfit_runtime import Base, Engine, LabelSet, Prediction, Row, Span, read_pack
from bitfit_runtime.canary import check_canary
from bitfit_runtime.formats import serialize
from bitfit_runtime.tokenizer import Tokenizer
from bitfit_runtime.windows import Limit
from bitfit_toolkit import Example, TrainOptions, evaluate, train, train_shared
from bitfit_toolkit.tasks.base import Mark
from bitfit_toolkit.training.shared.config import RunConfig
from support.command_line import bitfit, write_csv


def examples(rows: int, seed: int, several: bool = False) -> list[Example]:
    """Texts of six words, of which some share has a z; labelled by whether that is large, or by the letters they have.

    The nearer the share is to one half, the less can be known.
    """
    generator, found = np.random.default_rng(seed), list[Example]()
    for share in generator.random(rows):
        with_z = generator.random(6) < share
        text = " ".join(generator.choice(("zz", "zzz") if z else ("aa", "aaa", "ba")) for z in with_z)
        label: Any = tuple(letter for letter in "bz" if letter in text) if several else "z" if share > 0.5 else "a"
        found.append(Example(text, None, label))
    return found


OPTIONS = TrainOptions(task="t", max_steps=40, learning_rate=0.02, encoding="int8")


@pytest.fixture(scope="module")
def trained(base: Base, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    path = tmp_path_factory.mktemp("decisions") / "t.safetensors"
    return train(base, examples(60, 0), examples(300, 1), path, OPTIONS), path


def test_a_pack_decides_by_rows_that_were_held_out(base: Base, trained: tuple[Any, Path]) -> None:
    report, path = trained
    found = read_pack(path).info.decisions
    assert found is not None and found == report.decisions.decisions and found.rows == 300
    assert found.outliers is not None and found.outliers.space == "pooled" and found.outliers.false_alarms <= 0.05
    assert found.acceptance is not None and 0 < found.acceptance.coverage <= 0.96
    assert report.decisions.coverage is not None and report.decisions.max_error == 0.05
    engine = Engine(base, threads=1)
    check_canary(engine, read_pack(path))
    engine.install("t", path)
    metrics = evaluate(engine, "t", examples(300, 2))
    assert metrics["accepted_error"] <= 0.1 and metrics["coverage"] == pytest.approx(
        found.acceptance.coverage, abs=0.15
    )
    answers = engine.predict([example.text for example in examples(50, 3)], "t")
    assert all(isinstance(answer, Prediction) and isinstance(answer.accepted, bool) for answer in answers)


def test_without_decisions_the_pack_has_the_same_numbers_and_an_older_schema(
    base: Base, trained: tuple[Any, Path], tmp_path: Path
) -> None:
    report = train(base, examples(60, 0), examples(300, 1), tmp_path / "p", replace(OPTIONS, decisions="none"))
    plain, decided = read_pack(tmp_path / "p"), read_pack(trained[1])
    assert report.decisions is None and report.engine == trained[0].engine
    tensors = {name: tensor for name, tensor in decided.tensors.items() if name != "outlier.centres"}
    assert serialize(replace(decided, info=replace(decided.info, decisions=None), tensors=tensors)) == serialize(plain)
    assert trained[0].decisions.bytes == len(serialize(decided)) - len(serialize(plain))


def test_few_rows_decide_nothing_and_that_is_said(base: Base, tmp_path: Path) -> None:
    few = examples(49, 1)
    report = train(base, few, few, tmp_path / "p", TrainOptions(max_steps=1))
    assert report.decisions is None and read_pack(tmp_path / "p").info.decisions is None
    assert "the pack has no decisions: they need 100 evaluation rows, found 49" in report.notes


def test_some_rows_give_a_temperature_that_makes_no_answer_surer(base: Base, tmp_path: Path) -> None:
    wrong = [replace(example, label="az"[example.label == "a"]) for example in examples(30, 2)]
    some = examples(60, 1) + wrong
    report = train(base, examples(60, 0), some, tmp_path / "p", OPTIONS)
    assert "the pack has a temperature alone: other decisions need 100 evaluation rows, found 90" in report.notes
    found = report.decisions
    assert found is not None and found.decisions.temperature > 1
    assert found.coverage is None and found.max_error is None
    assert found.calibration_error < found.uncalibrated_error
    assert found.decisions == replace(found.decisions, acceptance=None, outliers=None, thresholds=None)
    surely = [Example("zz zzz zz" if index % 2 else "aa ba aaa", None, "az"[index % 2]) for index in range(60)]
    right = train(base, examples(60, 0), surely, tmp_path / "p", OPTIONS)
    assert right.engine["accuracy"] == 1 and right.decisions is not None
    assert right.decisions.decisions.temperature == pytest.approx(1.0)


def test_label_sets_have_thresholds_and_metrics_that_were_not_fitted_on_their_rows(base: Base, tmp_path: Path) -> None:
    options = TrainOptions(task="t", task_type="multi-label", max_steps=30, learning_rate=0.02, encoding="int8")
    held = examples(120, 1, several=True)
    report = train(base, examples(60, 0, several=True), held, tmp_path / "p", options)
    pack = read_pack(tmp_path / "p")
    assert pack.info.decisions is not None and pack.info.decisions.thresholds is not None
    assert len(pack.info.decisions.thresholds) == 2 and pack.info.decisions.acceptance is None
    assert pack.info.metrics == report.engine and report.agreement is not None and report.agreement > 0.9
    engine = Engine(base, threads=1)
    engine.install("t", pack)
    answer = engine.predict("aa zz", "t", expect=LabelSet)
    assert answer.thresholds == pack.info.decisions.thresholds
    assert "coverage" not in evaluate(engine, "t", held)


def test_the_command_line_shows_what_a_pack_decides(
    base: Base, trained: tuple[Any, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def output(*arguments: object) -> str:
        code, out, _ = bitfit(*arguments, capsys=capsys)
        assert code == 0
        return out

    shown = output("inspect", trained[1])
    assert "temperature" in shown and "accepts" in shown and "outliers" in shown
    document = json.loads(output("inspect", trained[1], "--json"))
    assert document["decisions"]["acceptance"]["max_error"] == 0.05
    asked = ("predict", "--base", base.folder, "--pack", f"t={trained[1]}", "--text")
    answer = json.loads(output(*asked, "zzz zz zzz zz", "--json"))
    assert isinstance(answer["accepted"], bool) and isinstance(answer["outlier"], float)
    assert "not accepted" in output(*asked, "completely different ?! 12345 " * 4)
    adapter = ("convert", "--to", "onnx-adapter", "--base", base.folder, "--pack", trained[1])
    assert "declares decisions" in bitfit(*adapter, "--output", tmp_path / "t.onnx_adapter", capsys=capsys)[2]
    rows = [(row.text, str(row.label)) for row in examples(40, 5)]
    data = write_csv(tmp_path / "eval.csv", rows)
    assert "coverage" in output("eval", "--base", base.folder, "--pack", trained[1], "--data", data)


def test_answers_in_windows_are_accepted_by_their_probability_and_runs_that_share_passes_decide_too(
    base: Base, tmp_path: Path
) -> None:
    generator, rows = np.random.default_rng(0), []
    for _ in range(150):
        words = ["aa"] * int(generator.integers(4, 24))
        words[int(generator.integers(len(words)))] = "zzz"
        context = " ".join(words)
        rows.append(Example("zz", context, (Mark("answer", context.index("zzz"), context.index("zzz") + 3),)))
    options = replace(OPTIONS, task_type="span", max_steps=80, max_length=32, windows="offsets", max_error=0.3)
    pairs, limits = [("zz", row.text_pair) for row in rows], [Limit(32, 8, 9)] * len(rows)
    assert max(map(len, Tokenizer.from_file(base.tokenizer_path).tokenize_windows(pairs, limits))) > 1
    configs = [RunConfig(rows[:30], rows[30:], tmp_path / "p", options)]
    (report,) = train_shared(base, configs)
    found = read_pack(tmp_path / "p").info.decisions
    assert found is not None and found == report.decisions.decisions
    assert found.outliers is None and found.acceptance is not None, report.engine
    engine = Engine(base, threads=1)
    engine.install("t", tmp_path / "p")
    answers = engine.predict([Row("zz", "t", example.text_pair) for example in rows], expect=Span)
    assert all(answer.accepted == (answer.probability >= found.acceptance.threshold) for answer in answers)
    assert any(answer.accepted for answer in answers) and answers[0].as_dict()["accepted"] is answers[0].accepted


def test_answers_that_are_all_cut_off_have_no_calibration(base: Base, tmp_path: Path) -> None:
    short = [Example("zz", "aa zzz aa", (Mark("answer", 3, 6),))] * 20
    context = "aa " * 40 + "zzz"
    cut = [
        Example(
            "zz", f"{number} {context}", (Mark("answer", len(f"{number} {context}") - 3, len(f"{number} {context}")),)
        )
        for number in range(60)
    ]
    options = replace(OPTIONS, task_type="span", max_steps=2, max_length=24, report=tmp_path / "report")
    report = train(base, short, cut, tmp_path / "p", options)
    assert report.decisions is None or report.decisions.calibration_error is None
    json.loads((tmp_path / "report" / "report.json").read_text(), parse_constant=pytest.fail)
