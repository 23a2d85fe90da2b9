"""Packs that begin at a layer: what they hold, and how their first layer is chosen."""

import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate
from pathlib import Path

import numpy as np
import pytest

from bitfit_runtime import Base, Engine, Prediction, read_pack
from bitfit_toolkit import Example, TrainOptions, load_examples, train
from bitfit_toolkit.errors import DataError, TrainingError
from bitfit_toolkit.publish.packs import validate_pack
from bitfit_toolkit.training.bootstrap import standard_error
from bitfit_toolkit.training.held_out import folds, hold_out
from bitfit_toolkit.training.model import resolve_terms
from bitfit_toolkit.training.run import Run
from bitfit_toolkit.training.shared import read_run_configs, train_shared
from bitfit_toolkit.training.start_trials import (
    FEWEST_ROWS,
    FOLDS,
    HELD_OUT_FOLDS,
    StartTrial,
    first_that_fails,
)
from bitfit_toolkit.training.starts import candidate_starts, settle_start
from support.command_line import ROWS, bitfit

EXAMPLES = [Example(f"{text} {'ab' * (index % 4)}", None, label) for index, (text, label) in enumerate(ROWS * 20)][:208]
OPTIONS = TrainOptions(max_steps=6, learning_rate=0.01, encoding="float32")
LAYERS = 2


def write(path: Path, examples: list[Example]) -> Path:
    path.write_text("".join(json.dumps({"text": one.text, "label": one.label}) + "\n" for one in examples))
    return path


@pytest.mark.parametrize("start", range(LAYERS + 1))
def test_a_pack_holds_and_moves_only_what_learns_from_its_layer_on(base: Base, tmp_path: Path, start: int) -> None:
    report = train(base, EXAMPLES[:40], EXAMPLES[:40], tmp_path / "pack", replace(OPTIONS, from_layer=start))
    pack = read_pack(tmp_path / "pack")
    assert (report.from_layer, report.layers, report.start) == (start, LAYERS, None)
    assert pack.info.from_layer == start and (b'schema_version\\": 2' in (tmp_path / "pack").read_bytes()) == (
        start > 0
    )
    values = pack.decode(base.manifest, base.default_biases)
    lowest = {spec.name: spec.layer for spec in base.manifest.biases}
    held = {lowest[name] for name in values if name in lowest}
    assert held == set(range(start, LAYERS)) | ({-1} if start == 0 else set())
    assert ("embeddings" in pack.info.terms) == (start == 0) and bool(pack.info.terms) == (start < LAYERS)
    assert all(np.any(values[name] != base.default_biases[name]) for name in values if name in lowest)
    assert report.agreement is not None and report.agreement > 0.9
    engine = Engine(base, threads=1)
    engine.install("t", pack)
    assert isinstance(engine.predict("zz", "t"), Prediction)


def test_terms_above_a_layer_leave_out_what_has_nothing_there(base: Base) -> None:
    assert resolve_terms("embeddings,m2", base.manifest, 1)[0] == ("m2",)
    assert resolve_terms("all", base.manifest, LAYERS) == ((), ())
    names = resolve_terms("q,m2", base.manifest, 1)[1]
    assert len(names) == 2 and all(".layer.1." in name for name in names)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (replace(OPTIONS, from_layer=LAYERS + 1), f"`from_layer` should be at most {LAYERS} .*found {LAYERS + 1}"),
        (replace(OPTIONS, from_layer=-1), "`from_layer` should be at least 0, found -1"),
        (replace(OPTIONS, from_layer="first"), "`from_layer` should be a whole number or auto, found 'first'"),
        (replace(OPTIONS, from_layer=True), "`from_layer` should be a whole number or auto, found True"),
    ],
)
def test_layers_that_a_base_lacks_are_refused_in_one_line(
    base: Base, tmp_path: Path, options: TrainOptions, message: str
) -> None:
    with pytest.raises(TrainingError, match=message) as refused:
        train(base, EXAMPLES, EXAMPLES, tmp_path / "pack", options)
    assert "\n" not in str(refused.value) and not (tmp_path / "pack").exists()


def test_an_embedding_above_every_bias_has_nothing_to_learn(base: Base, tmp_path: Path) -> None:
    rows = [{"text": "aa", "text_pair": "zz", "label": 0.0}, {"text": "aa", "text_pair": "aa", "label": 1.0}] * 4
    options = replace(OPTIONS, task_type="embedding", from_layer=LAYERS)
    with pytest.raises(TrainingError, match=f"`from_layer` {LAYERS} leaves nothing to train: type embedding"):
        train(base, rows, rows, tmp_path / "pack", options)


def test_candidates_are_the_bases_branch_points_and_layer_0(base: Base) -> None:
    assert candidate_starts(replace(base.manifest, branches=(1,))) == (0, 1)
    assert candidate_starts(replace(base.manifest, branches=())) == (0, 1, 2)


def test_rows_are_held_out_of_each_label_alike_and_by_seed() -> None:
    examples = [Example(str(index), label="rare" if index % 10 == 0 else "often") for index in range(100)]
    examples.append(Example("once", label="single"))
    learning, held_out = hold_out(examples, 3)
    assert {one.text for one in learning} | {one.text for one in held_out} == {one.text for one in examples}
    assert len(learning) + len(held_out) == len(examples)
    assert sum(one.label == "rare" for one in held_out) == 2 and sum(one.label == "often" for one in held_out) == 23
    assert all(one.label != "single" for one in held_out)
    assert (learning, held_out) == hold_out(examples, 3) and held_out != hold_out(examples, 4)[1]
    numbers = [Example(str(index), label=float(index)) for index in range(80)]
    assert len(hold_out(numbers, 0)[1]) == 20


def test_labels_of_one_text_take_nothing_from_the_others() -> None:
    examples = [Example(f"once {index}", label=str(index)) for index in range(50)]
    examples += [
        Example(f"{label} {index}", label=label)
        for label, count in (("few", 12), ("many", 40))
        for index in range(count)
    ]
    _, held_out = hold_out(examples, 0)
    assert 2 <= sum(one.label == "few" for one in held_out) <= 4 and sum(one.label == "many" for one in held_out) <= 11


def test_no_text_is_on_both_sides() -> None:
    examples = [Example(f"text {index % 60}", label="az"[index % 2]) for index in range(100)]
    learning, held_out = hold_out(examples, 0)
    assert held_out and not {one.text for one in learning} & {one.text for one in held_out}


def test_folds_hold_out_every_row_once_of_each_label_alike() -> None:
    examples = [Example(str(index // 2 * 2), label="rare" if index % 20 < 2 else "often") for index in range(200)]
    found = folds(examples, 3, 4)
    assert sorted(row for fold in found for row in fold) == list(range(200)) and found == folds(examples, 3, 4)
    assert found != folds(examples, 4, 4)
    for fold in found:
        assert len(fold) == 50 and sum(examples[row].label == "rare" for row in fold) in (4, 6)
        assert all(row + 1 in fold for row in fold if row % 2 == 0)  # rows of one text
    many = [Example(str(index), label=float(index)) for index in range(5000)]
    assert [len(fold) for fold in folds(many, 0, 4)] == [1250, 1250]  # more are not needed
    assert [len(fold) for fold in folds(many * 2, 0, 4)] == [2000]


def test_the_standard_error_of_a_difference_is_paired_over_rows() -> None:
    wrong, wrong_too = np.zeros(200, bool), np.zeros(200, bool)
    wrong[:60] = wrong_too[:60] = True  # of both
    wrong_too[100:110] = True

    def values(rows: Sequence[int]) -> tuple[float, float]:
        return 1 - wrong[list(rows)].mean(), 1 - wrong_too[list(rows)].mean()

    expected = np.sqrt(0.05 * 0.95 / 200)  # of the ten rows alone
    assert standard_error(values, 200, 0) == pytest.approx(expected, rel=0.35)


def test_a_start_leaves_as_soon_as_it_is_behind() -> None:
    holds, equal, fails = (StartTrial(2, 50, 0.8, behind, 0.02) for behind in (-0.01, 0.0, 0.01))
    assert holds.holds and equal.holds and not fails.holds
    folds_left = iter([holds, fails, equal])
    assert first_that_fails(folds_left) is fails and next(folds_left) is equal  # which was not trained
    assert first_that_fails([holds, replace(holds, held_out=100)]).held_out == 100


def test_auto_tells_what_each_start_gave_and_trains_as_the_chosen_layer_alone(base: Base, tmp_path: Path) -> None:
    rows, evaluation = write(tmp_path / "train.jsonl", EXAMPLES), write(tmp_path / "eval.jsonl", EXAMPLES[:20])
    report = train(base, rows, evaluation, tmp_path / "auto", replace(OPTIONS, from_layer="auto"))
    assert report.start is not None and report.start.trials
    chosen, tried = report.from_layer, {trial.from_layer: trial for trial in report.start.trials}
    assert report.start.from_layer == chosen and report.start.rows == len(EXAMPLES)
    assert chosen == max((start for start, trial in tried.items() if trial.holds), default=0)
    assert sorted(tried) == ([1, 2] if tried[1].holds else [1])  # where layer 1 costs, nothing deeper is tried
    held_out = list(accumulate(map(len, folds(EXAMPLES, OPTIONS.seed, FOLDS)[:HELD_OUT_FOLDS])))
    counts = [held_out.index(trial.held_out) + 1 for trial in tried.values()]
    assert all(held_out[-1] == trial.held_out for trial in tried.values() if trial.holds)
    assert report.start.runs == sum(counts) + max(counts)  # every layer is trained once for all of them
    train(base, rows, evaluation, tmp_path / "alone", replace(OPTIONS, from_layer=chosen))
    names = [tmp_path / name for name in ("auto", "alone")]
    one, other = (read_pack(path).decode(base.manifest, base.default_biases) for path in names)
    assert one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)
    assert settle_start(base, EXAMPLES, replace(OPTIONS, from_layer="auto"))[1] == report.start


def test_auto_with_too_few_rows_says_so_and_trains_every_layer(base: Base, tmp_path: Path) -> None:
    few = EXAMPLES[: FEWEST_ROWS - 1]
    report = train(base, few, few[:8], tmp_path / "pack", replace(OPTIONS, from_layer="auto"))
    assert report.from_layer == 0 and report.start is not None and not report.start.trials
    assert any("every layer learns" in note for note in report.notes)


def test_a_first_layer_may_be_yet_to_choose_only_before_a_run(base: Base) -> None:
    with pytest.raises(TrainingError, match="`from_layer` auto is resolved"):
        Run.start(base, EXAMPLES, replace(OPTIONS, from_layer="auto"))
    assert settle_start(base, EXAMPLES, replace(OPTIONS, from_layer=1)) == (replace(OPTIONS, from_layer=1), None)


@pytest.mark.parametrize("starts", [(2, 1), (1, 0)])
def test_runs_that_share_passes_learn_from_a_layer_what_they_learn_alone(
    base: Base, tmp_path: Path, starts: tuple[int, ...]
) -> None:
    write(tmp_path / "rows.jsonl", EXAMPLES[:40])
    tables = [
        f'[[task]]\ntrain = "rows.jsonl"\neval = "rows.jsonl"\noutput = "{i}.pack"\nseed = {i}\nfrom-layer = {start}\n'
        for i, start in enumerate(starts)
    ]
    (tmp_path / "tasks.toml").write_text("\n".join(tables))
    plan = read_run_configs(tmp_path / "tasks.toml", OPTIONS)
    reports = {report.task: report for report in train_shared(base, plan, at_once=8)}
    for own, start in zip(plan, starts, strict=True):
        alone = train(base, load_examples(own.train), load_examples(own.train), tmp_path / "alone", own.options)
        assert reports[own.options.task].from_layer == alone.from_layer == start
        one, other = (
            read_pack(path).decode(base.manifest, base.default_biases) for path in (own.output, tmp_path / "alone")
        )
        assert one.keys() == other.keys()
        for name, value in other.items():
            moved = np.linalg.norm(value - base.default_biases.get(name, 0))
            assert np.linalg.norm(one[name] - value) <= 1e-3 * moved + 1e-6, name


def test_many_tasks_choose_each_for_itself(base: Base, tmp_path: Path) -> None:
    write(tmp_path / "rows.jsonl", EXAMPLES)
    table = '[[task]]\ntrain = "rows.jsonl"\neval = "few.jsonl"\noutput = "a.pack"\nfrom-layer = "auto"\n'
    write(tmp_path / "few.jsonl", EXAMPLES[:12])
    (tmp_path / "tasks.toml").write_text(table)
    (report,) = train_shared(base, read_run_configs(tmp_path / "tasks.toml", OPTIONS))
    options, start = settle_start(base, EXAMPLES, replace(OPTIONS, from_layer="auto", task="a"))
    assert report.start == start and report.from_layer == options.from_layer and start is not None
    (tmp_path / "tasks.toml").write_text(table.replace("auto", "top"))
    with pytest.raises(DataError, match="from-layer should be of type int"):
        read_run_configs(tmp_path / "tasks.toml", OPTIONS)


def test_the_command_line_trains_shows_converts_and_publishes_from_a_layer(
    base: Base, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows, few = write(tmp_path / "rows.jsonl", EXAMPLES), write(tmp_path / "few.jsonl", EXAMPLES[:12])
    pack = tmp_path / "mood.safetensors"
    common = ("--base", base.folder, "--train", rows, "--eval", few, "--output", pack, "--steps", 4)
    code, out, _ = bitfit("train", *common, "--from-layer", "auto", "--json", capsys=capsys)
    found = json.loads(out)
    assert code == 0 and found["start"]["trials"][0]["from_layer"] == 1 and found["start"]["runs"] >= 2
    code, out, _ = bitfit("train", *common, "--from-layer", "auto", "--quiet", capsys=capsys)
    assert code == 0 and "from 1: " in out and "behind every layer by" in out
    code, out, _ = bitfit("train", *common, "--from-layer", 1, "--quiet", capsys=capsys)
    assert code == 0 and "from layer" in out and "1 of 2" in out
    code, out, _ = bitfit("inspect", pack, capsys=capsys)
    assert code == 0 and "from layer" in out
    adapter = tmp_path / "mood.onnx_adapter"
    files = ("--base", base.folder, "--pack", pack, "--output", adapter)
    assert bitfit("convert", "--to", "onnx-adapter", *files, capsys=capsys)[0] == 0 and adapter.exists()
    assert b'from_layer\\": 1' in validate_pack(Engine(base, threads=1), "mood", pack).data
    for wrong, message in (
        ("3", "--from-layer should be at most 2"),
        ("low", "--from-layer should be a whole number or"),
    ):
        code, _, err = bitfit("train", *common, "--from-layer", wrong, capsys=capsys)
        assert code == 7 and message in err and err.count("\n") == 1
