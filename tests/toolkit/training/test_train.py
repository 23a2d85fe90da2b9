"""Training is repeatable, can be interrupted, shared and watched, and refuses what it cannot learn."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas
import pytest
from safetensors.numpy import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from bitfit_exporters import ExportOptions, export
from bitfit_runtime import Base, Engine, read_pack, write_pack
from bitfit_runtime.canary import check_canary
from bitfit_toolkit import Columns, Example, TrainOptions, train
from bitfit_toolkit.errors import DataError, TrainingError
from bitfit_toolkit.tasks.base import rarity
from bitfit_toolkit.training.task_data import ByLength
from support.command_line import ROWS
from support.packs import random_pack

EXAMPLES = [Example(text, None, label) for text, label in ROWS]


def curve(folder: Path, name: str) -> list[float]:
    """The values of one of TensorBoard's curves."""
    events = EventAccumulator(str(folder))
    events.Reload()
    return [event.value for event in events.Scalars(name)]


def assert_same_pack(base: Base, one: Path, other: Path) -> None:
    """Both packs hold the same values, but for rounding."""
    found, expected = (read_pack(path).decode(base.manifest, base.default_biases) for path in (one, other))
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert np.linalg.norm(found[name] - value) <= 1e-3 * np.linalg.norm(value), name


def test_training_is_repeatable_by_seed_and_takes_pairs_and_early_stopping(base: Base, tmp_path: Path) -> None:
    examples = [Example(text, "a pair", label) for text, label in ROWS]
    options = TrainOptions(num_train_epochs=3, early_stopping_patience=2, learning_rate=0.01)
    one, two = (train(base, examples, examples, tmp_path / name, options) for name in ("one", "two"))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert one.agreement == two.agreement


def test_data_come_from_files_lists_and_frames_with_columns_of_any_name(base: Base, tmp_path: Path) -> None:
    rows = [{"text": text, "kind": label} for text, label in ROWS]
    path = tmp_path / "d.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    packs = []
    for data in (str(path), rows, pandas.DataFrame(rows)):
        train(str(base.folder), data, path, str(tmp_path / "p"), TrainOptions(max_steps=1), Columns(label="kind"))
        packs.append((tmp_path / "p").read_bytes())
    assert packs[0] == packs[1] == packs[2]
    with pytest.raises(DataError, match="no label column"):
        train(base, rows, rows, tmp_path / "p")


def test_a_trained_pack_carries_a_canary_without_a_training_text(base: Base, tmp_path: Path) -> None:
    train(base, EXAMPLES, EXAMPLES, tmp_path / "pack", TrainOptions(max_steps=1))
    pack = read_pack(tmp_path / "pack")
    assert pack.canary is not None
    assert not {text for text, _ in pack.canary.texts} & {example.text for example in EXAMPLES}
    check_canary(Engine(base, threads=1), pack)


def test_a_head_alone_is_a_pack_without_biases_that_answers_alike_in_torch_and_engine(
    base: Base, tmp_path: Path
) -> None:
    examples = EXAMPLES
    options = TrainOptions(terms="none", num_train_epochs=40, learning_rate=0.05)
    report = train(base, examples, examples, tmp_path / "head", options)
    pack = read_pack(tmp_path / "head")
    assert (pack.info.terms, report.trained_parameters) == ((), 0)
    assert set(pack.decode(base.manifest, base.default_biases)) == {"head.weight", "head.bias"}
    assert report.engine["accuracy"] == report.torch["accuracy"] == report.agreement == 1.0


@pytest.mark.parametrize("stopping", [None, 3])
def test_a_run_killed_while_it_saves_ends_where_an_uninterrupted_one_does(
    base: Base, tmp_path: Path, stopping: int | None
) -> None:
    folder = tmp_path / "checkpoints"
    options = TrainOptions(
        num_train_epochs=3,
        checkpoints=folder,
        per_device_train_batch_size=8,
        early_stopping_patience=stopping,
        dropout=True,
    )
    train(base, EXAMPLES, EXAMPLES, tmp_path / "whole", options)
    newest = max(folder.glob("checkpoint-*"), key=lambda path: int(path.name.split("-")[1]))
    (newest / "trainer_state.json").unlink()  # the last thing that is written of a checkpoint
    (newest / "optimizer.pt").write_bytes(b"torn")
    train(base, EXAMPLES, EXAMPLES, tmp_path / "resumed", replace(options, resume_from_checkpoint=True))
    assert (tmp_path / "whole").read_bytes() == (tmp_path / "resumed").read_bytes()


def test_a_run_killed_after_it_stopped_early_is_not_trained_further(base: Base, tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints"
    options = TrainOptions(
        num_train_epochs=30, checkpoints=folder, early_stopping_patience=1, learning_rate=1e-9
    )  # gets no better
    report = train(base, EXAMPLES, EXAMPLES, tmp_path / "whole", options)
    steps = {path.name for path in folder.glob("checkpoint-*")}
    assert f"checkpoint-{report.steps}" in steps
    (note,) = (note for note in report.notes if "training ended after" in note)
    again = train(base, EXAMPLES, EXAMPLES, tmp_path / "resumed", replace(options, resume_from_checkpoint=True))
    assert again.steps == report.steps and note in again.notes
    assert {path.name for path in folder.glob("checkpoint-*")} == steps
    assert (tmp_path / "whole").read_bytes() == (tmp_path / "resumed").read_bytes()


def test_a_checkpoint_holds_only_what_learns(base: Base, tmp_path: Path) -> None:
    options = TrainOptions(num_train_epochs=1, checkpoints=tmp_path / "c", resume_from_checkpoint=True)
    report = train(base, EXAMPLES, EXAMPLES, tmp_path / "p", options)
    assert any("begins anew" in note for note in report.notes)
    (weights,) = (tmp_path / "c").glob("checkpoint-*/model.safetensors")
    held = sum(tensor.size for tensor in load_file(weights).values())
    assert held == report.trained_parameters + report.head_parameters


def test_checkpoints_of_another_run_are_refused_and_kept(base: Base, checkpoint: Path, tmp_path: Path) -> None:
    options = TrainOptions(num_train_epochs=1, checkpoints=tmp_path / "c")
    train(base, EXAMPLES, EXAMPLES, tmp_path / "p", options)
    export(str(checkpoint), tmp_path / "other", ExportOptions("fp32", offline=True))
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "c").rglob("*")}
    again = replace(options, resume_from_checkpoint=True)
    renamed = [replace(example, label=f"new {example.label}") for example in EXAMPLES]
    for start, examples, wrong, what in (
        (tmp_path / "other", EXAMPLES, again, "base was"),
        (base, renamed, again, "labels was"),
        (base, EXAMPLES[:-1], again, "training data was"),
        (base, EXAMPLES, replace(again, learning_rate=0.5), "`learning_rate` was"),
    ):
        with pytest.raises(TrainingError, match=f"another run: {what}"):
            train(start, examples, examples, tmp_path / "q", wrong)
    with pytest.raises(TrainingError, match="`resume_from_checkpoint`"):
        train(base, EXAMPLES, EXAMPLES, tmp_path / "q", options)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "c").rglob("*")} == before
    (tmp_path / "c/run.json").write_text("?")
    with pytest.raises(TrainingError, match="whose run"):
        train(base, EXAMPLES, EXAMPLES, tmp_path / "q", again)


def test_accumulated_passes_are_one_step_of_a_larger_batch(base: Base, tmp_path: Path) -> None:
    options = TrainOptions(max_steps=3, per_device_train_batch_size=16, encoding="float32", learning_rate=0.01)
    losses = []
    for name, size, accumulation in (("one", 16, 1), ("other", 8, 2)):
        own = replace(
            options,
            per_device_train_batch_size=size,
            gradient_accumulation_steps=accumulation,
            tensorboard=tmp_path / f"{name}-curves",
        )
        train(base, EXAMPLES, EXAMPLES, tmp_path / name, own)
        losses.append(curve(tmp_path / f"{name}-curves", "train/loss"))
    assert_same_pack(base, tmp_path / "one", tmp_path / "other")
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)


def test_several_processes_learn_what_one_learns_by_accumulation(base: Base, tmp_path: Path) -> None:
    data = tmp_path / "d.jsonl"
    data.write_text("".join(json.dumps({"text": e.text, "label": e.label}) + "\n" for e in EXAMPLES))
    arguments = ["train", "--base", base.folder, "--train", data, "--eval", data, "--json", "--encoding", "float32"]
    arguments += ["--steps", 3, "--batch-size", 4, "--learning-rate", 0.01, "--output", tmp_path / "two"]
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "-m", "bitfit_toolkit"]
    done = subprocess.run([*launch, *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["label_count"] == 2  # one report, not one a process
    options = TrainOptions(
        max_steps=3,
        per_device_train_batch_size=4,
        gradient_accumulation_steps=2,
        encoding="float32",
        learning_rate=0.01,
    )
    train(base, EXAMPLES, EXAMPLES, tmp_path / "one", options)
    assert_same_pack(base, tmp_path / "one", tmp_path / "two")


def test_balanced_classes_raise_the_recall_of_a_rare_one(base: Base, tmp_path: Path) -> None:
    rare = [e for e in EXAMPLES if e.label == "first"] * 8 + [e for e in EXAMPLES if e.label == "second"][:2]
    noisy = [*rare, *[Example("z zzzz", label="first")] * 6]
    found = {}
    for weights in ("none", "balanced"):
        options = TrainOptions(max_steps=60, class_weights=weights, learning_rate=0.01, terms="none")
        train(base, noisy, EXAMPLES, tmp_path / weights, options)
        engine = Engine(base)
        engine.install("t", tmp_path / weights)
        found[weights] = sum(answer.label == "second" for answer in engine.predict(["z zzzz"], "t"))
    assert found == {"none": 0, "balanced": 1}


@pytest.mark.parametrize(
    ("targets", "expected"), [([0, 0, 0, 1], [4 / 6, 2.0]), ([1, 1, 1, 1], [2.0, 0.5]), ([0, 1], [1.0, 1.0])]
)
def test_a_class_weighs_by_its_rarity(targets: list[int], expected: list[float]) -> None:
    assert rarity(targets, 2).tolist() == pytest.approx(expected)


def test_early_stopping_and_encoding_follow_the_chosen_metric(base: Base, tmp_path: Path) -> None:
    options = TrainOptions(
        num_train_epochs=2, early_stopping_patience=1, metric_for_best_model="matthews", checkpoints=tmp_path / "c"
    )
    report = train(base, EXAMPLES, EXAMPLES, tmp_path / "p", options)
    assert report.metric == "matthews"
    states = [json.loads(path.read_text()) for path in (tmp_path / "c").glob("*/trainer_state.json")]
    scores = {log["eval_matthews"] for state in states for log in state["log_history"] if "eval_matthews" in log}
    assert all(state["best_metric"] in scores for state in states)
    assert all(
        tried.keys() == {"matthews", "bytes", "agreement"} for tried in report.as_dict()["encodings_tried"].values()
    )


def test_curves_and_a_bar_show_loss_and_metric(base: Base, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = TrainOptions(
        num_train_epochs=2, tensorboard=tmp_path / "curves", progress=True, task="letters", dropout=True
    )
    train(base, EXAMPLES, EXAMPLES, tmp_path / "p", options)
    shown = capsys.readouterr().err
    assert "letters" in shown and "loss" in shown and "accuracy" in shown
    assert len(curve(tmp_path / "curves", "eval/accuracy")) == 2
    unwatched = replace(options, tensorboard=None, progress=False)
    train(base, EXAMPLES, EXAMPLES, tmp_path / "q", unwatched)
    assert (tmp_path / "p").read_bytes() == (tmp_path / "q").read_bytes()


def test_batches_hold_every_example_once_and_texts_of_similar_length() -> None:
    lengths = [1 + i * 7 % 40 for i in range(203)]
    order = ByLength(lengths, 8, seed=3)
    first = list(order)
    assert sorted(first) == list(range(203)) and first == list(order)
    order.set_epoch(1)
    assert list(order) != first
    spread = [max(group) - min(group) for group in ([lengths[i] for i in first[s : s + 8]] for s in range(0, 200, 8))]
    assert max(spread) <= 3
    starts = [lengths[first[s]] for s in range(0, 200, 8)]
    assert starts not in (sorted(starts), sorted(starts, reverse=True))


def test_training_refuses_what_it_cannot_learn_and_keeps_the_earlier_pack(base: Base, tmp_path: Path) -> None:
    output = write_pack(random_pack(base), tmp_path / "p.safetensors")
    before = output.read_bytes()
    good = EXAMPLES
    alone = [e for e in good if e.label == "first"]
    stranger = [Example("a", None, "third")]
    for examples, held_out, options, error in (
        ([], good, TrainOptions(), DataError),
        (alone, alone, TrainOptions(), TrainingError),
        (good, stranger, TrainOptions(), DataError),
        (good, good, TrainOptions(terms="q,m9"), TrainingError),
        (good, good, TrainOptions(num_train_epochs=0), TrainingError),
        (good, good, TrainOptions(metric_for_best_model="f1"), TrainingError),
        (good, good, TrainOptions(class_weights="some"), TrainingError),
        (good, good, TrainOptions(task_type="span", class_weights="balanced"), TrainingError),
        (good, good, TrainOptions(precision="fp16", device="cpu"), TrainingError),
        (good, good, TrainOptions(resume_from_checkpoint=True), TrainingError),
        (good, good, TrainOptions(seed=-1), TrainingError),
        (good, good, TrainOptions(num_train_epochs=float("inf")), TrainingError),
        (good, good, TrainOptions(task=""), TrainingError),
        (good, good, TrainOptions(task_type="embedding", terms="none"), TrainingError),
        (good, good, TrainOptions(early_stopping_patience=0), TrainingError),
        (good, good, TrainOptions(encoding="int5"), TrainingError),
        (good, good, TrainOptions(learning_rate=float("nan")), TrainingError),
    ):
        with pytest.raises(error):
            train(base, examples, held_out, output, options)
    with pytest.raises(TrainingError, match="cannot be written"):
        train(base, good, good, tmp_path, TrainOptions())
    assert output.read_bytes() == before
