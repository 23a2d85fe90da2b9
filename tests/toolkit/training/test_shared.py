"""Runs that share their passes learn what each would have learned alone."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bitfit_runtime import Base, read_pack
from bitfit_toolkit import TrainOptions, load_examples, train
from bitfit_toolkit.errors import DataError, TrainingError
from bitfit_toolkit.training.shared import read_run_configs, train_shared
from support.command_line import bitfit
from support.examples import rows_of

COMMON = TrainOptions(num_train_epochs=2, per_device_train_batch_size=8, learning_rate=0.01, encoding="float32")
TYPES = ("classification", "multi-label", "regression", "token-classification", "span", "embedding")


def write_rows(folder: Path, task_type: str) -> Path:
    rows = (rows_of(task_type) if task_type != "classification" else labelled())[:24]
    path = folder / f"{task_type}.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def labelled() -> list[dict[str, Any]]:
    return [{"text": row["text"], "label": "many" if row["label"] > 1020 else "few"} for row in rows_of("regression")]


def write_plan(folder: Path, *tables: str, defaults: str = "") -> Path:
    path = folder / "tasks.toml"
    path.write_text("\n".join([f"[defaults]\n{defaults}" if defaults else "", *(f"[[task]]\n{t}" for t in tables)]))
    return path


def table(task_type: str, *lines: str) -> str:
    files = f'train = "{task_type}.jsonl"\neval = "{task_type}.jsonl"\noutput = "{task_type}.safetensors"'
    return "\n".join([files, f'type = "{task_type}"', *lines])


def test_every_task_type_learns_in_company_what_it_learns_alone(base: Base, tmp_path: Path) -> None:
    for task_type in TYPES:
        write_rows(tmp_path, task_type)
    terms = {"classification": "q,m2", "span": "none"}
    tables = [table(t, f'terms = "{terms.get(t, "all")}"', f"seed = {i}") for i, t in enumerate(TYPES)]
    plan = read_run_configs(write_plan(tmp_path, *tables), COMMON)
    reports = list(train_shared(base, plan, at_once=4))  # a group of four, then one of two
    assert [report.task_type for report in reports] == list(TYPES)
    for own, report in zip(plan, reports, strict=True):
        rows = load_examples(own.train, task_type=own.options.task_type)
        alone = train(base, rows, rows, tmp_path / "alone", replace(own.options))
        assert report.engine[report.metric] == pytest.approx(alone.engine[alone.metric], abs=0.02)
        assert (report.trained_parameters, report.head_parameters) == (alone.trained_parameters, alone.head_parameters)
        one, other = (
            read_pack(path).decode(base.manifest, base.default_biases) for path in (own.output, tmp_path / "alone")
        )
        assert one.keys() == other.keys()
        for name, value in other.items():
            moved = np.linalg.norm(value - base.default_biases.get(name, 0))
            assert np.linalg.norm(one[name] - value) <= 1e-3 * moved + 1e-6, (own.options.task_type, name)


def test_lists_of_seeds_and_rates_are_runs_of_their_own(base: Base, tmp_path: Path) -> None:
    write_rows(tmp_path, "classification")
    lines = (
        'output = "out/{seed}-{learning-rate}.safetensors"\nseed = [0, 1]\nlearning-rate = [0.001, 0.01]\nepochs = 1'
    )
    plan = read_run_configs(write_plan(tmp_path, lines, defaults=table("classification")), COMMON)
    found = [(report.task, report.seed, report.learning_rate) for report in train_shared(base, plan)]
    assert found == [("0-0.001", 0, 0.001), ("0-0.01", 0, 0.01), ("1-0.001", 1, 0.001), ("1-0.01", 1, 0.01)]
    assert len(list((tmp_path / "out").iterdir())) == 4


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("speed = 3", "task 1: unknown key 'speed'"),
        ('epochs = "many"', "epochs should be of type float"),
        ("seed = []", "seed should be of type int"),
        ("seed = [0, 1]", "two runs would write"),
        ('type = "poetry"', "type should be one of"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(tmp_path: Path, lines: str, message: str) -> None:
    files = 'train = "a.csv"\neval = "a.csv"\noutput = "a.safetensors"'
    with pytest.raises(DataError, match=message):
        read_run_configs(write_plan(tmp_path, f"{files}\n{lines}"), COMMON)
    for text in ("", "task = 3", "task = [1]", "[[tasks]]", "not toml", 'name = "x"\n[[task]]\n' + files):
        (tmp_path / "tasks.toml").write_text(text)
        with pytest.raises(DataError, match=r"tasks\.toml"):
            read_run_configs(tmp_path / "tasks.toml", COMMON)


def test_what_cannot_be_shared_or_learned_is_refused_before_anything_is_trained(base: Base, tmp_path: Path) -> None:
    write_rows(tmp_path, "classification")
    for wrong in (
        {"dropout": True},
        {"early_stopping_patience": 2},
        {"terms": "bogus"},
        {"num_train_epochs": 0.0},
        {"gradient_accumulation_steps": 2},
        {"seed": -1},
    ):
        good = read_run_configs(write_plan(tmp_path, table("classification")), COMMON)
        bad = [replace(own, options=replace(own.options, **wrong), output=tmp_path / "b") for own in good]
        with pytest.raises(TrainingError):
            train_shared(base, [*good, *bad])
    assert not list(tmp_path.glob("*.safetensors"))


def test_a_run_that_diverges_does_not_take_its_siblings_with_it(
    base: Base, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_rows(tmp_path, "regression")
    lines = 'output = "{learning-rate}.safetensors"\nlearning-rate = [1e38, 0.01]\nepochs = 1'
    plan = write_plan(tmp_path, lines, defaults=table("regression"))
    code, out, err = bitfit("train", "--base", base.folder, "--many", plan, capsys=capsys)
    assert code == 7 and "1e+38.safetensors" in err and "not finite" in err
    assert "0.01" in out and [path.name for path in tmp_path.glob("*.safetensors")] == ["0.01.safetensors"]


def test_the_command_trains_a_plan_and_reports_each_pack(
    base: Base, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_rows(tmp_path, "regression")
    plan = write_plan(tmp_path, table("regression", "epochs = 1"))
    code, out, err = bitfit("train", "--base", base.folder, "--many", plan, "--json", capsys=capsys)
    assert code == 0, err
    assert [json.loads(line)["task"] for line in out.splitlines()] == ["regression"]
    code, out, _ = bitfit("train", "--base", base.folder, "--many", plan, capsys=capsys)
    assert code == 0 and "pearson" in out
    code, _, err = bitfit("train", "--base", base.folder, "--many", plan, "--train", plan, capsys=capsys)
    assert code == 2 and "--many" in err
    code, _, err = bitfit("train", "--base", base.folder, capsys=capsys)
    assert code == 2 and "--train" in err
