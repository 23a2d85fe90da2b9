"""Training on texts longer than the limit: what is drawn, joined, learned, kept and said."""

import json
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from bitfit_runtime import Base, Engine, Row, read_pack
from bitfit_runtime import window_joins as engine_joins
from bitfit_runtime.canary import check_canary
from bitfit_runtime.formats import Windows
from bitfit_runtime.tasks.base import MAXIMUM, MEAN, NOISY_OR
from bitfit_toolkit import Columns, Example, TrainOptions, evaluate, load_examples, train, train_shared
from bitfit_toolkit.compare import CellFile, Comparison, Plan
from bitfit_toolkit.errors import TrainingError
from bitfit_toolkit.publish.packs import validate_pack
from bitfit_toolkit.tasks.base import IGNORED, Mark
from bitfit_toolkit.training import train as train_module
from bitfit_toolkit.training.evaluation import torch_answers
from bitfit_toolkit.training.run import Run
from bitfit_toolkit.training.shared.config import RunConfig
from bitfit_toolkit.training.state_store import StateStore
from bitfit_toolkit.training.task_data import DRAWN, TaskData
from bitfit_toolkit.training.trunk import Trunks
from bitfit_toolkit.training.window_drawing import WindowDrawing
from bitfit_toolkit.training.window_joins import OF_ANY_LABELS, OF_ONE_LABEL, join_rows
from support.command_line import bitfit, write_csv
from support.examples import rows_of

SHORT = TrainOptions(max_length=16, windows="auto", window_overlap=4, encoding="float32", max_steps=2)


def document(evidence: str, at: int, words: int = 60) -> str:
    filler = random.Random(at).choices(("ba", "ab", "bab"), k=words)
    return " ".join([*filler[:at], evidence, *filler[at:]])


DOCUMENTS = [Example(document(word, (7 * row) % 60), None, word) for row, word in enumerate(("aaa", "zzz") * 12)]


def entity(row: int) -> Example:
    text = document("zzz", (7 * row) % 60)
    start = text.index("zzz")
    return Example(text, None, (Mark("Z", start, start + 3),))


ENTITIES = [entity(row) for row in range(16)]


def run_on(base: Base, examples: list[Example], **options: object) -> tuple[Run, WindowDrawing]:
    run = Run.start(base, examples, replace(SHORT, **options))
    drawing = run.drawing(run.prepare(examples))
    assert drawing is not None
    return run, drawing


@pytest.mark.parametrize("name", [MEAN, MAXIMUM, NOISY_OR])
def test_rules_in_torch_are_those_of_the_engine_and_can_be_learned_through(name: str) -> None:
    for rules, of_engine in ((OF_ANY_LABELS, engine_joins.OF_ANY_LABELS), (OF_ONE_LABEL, engine_joins.OF_ONE_LABEL)):
        rows = (8 * torch.randn(9, 3, generator=torch.Generator().manual_seed(0))).requires_grad_()
        joined = join_rows(rows, (4, 1, 4), rules[name])
        parts = rows.detach().numpy()
        for found, first, last in zip(joined, (0, 5), (4, 9), strict=False):
            if last - first == 4 and first == 0:
                expected = of_engine[name](list(parts[first:last]))
                assert np.allclose(found.detach().numpy(), expected, rtol=1e-5, atol=1e-6)
        assert torch.equal(joined[1], rows[4])
        assert np.allclose(joined[2].detach().numpy(), of_engine[name](list(parts[5:])), rtol=1e-5, atol=1e-6)
        (gradient,) = torch.autograd.grad(joined.square().sum(), rows)
        assert torch.isfinite(gradient).all() and bool((gradient.abs().sum(1) > 0).any())
    extreme = torch.tensor([[-400.0], [-400.0]], requires_grad=True)
    (gradient,) = torch.autograd.grad(join_rows(extreme, (2,), OF_ANY_LABELS[name]).sum(), extreme)
    assert torch.isfinite(gradient).all()


def test_a_step_sees_at_most_four_windows_drawn_anew_and_the_same_ones_again(base: Base) -> None:
    _, drawing = run_on(base, DOCUMENTS, windows="mean")
    seen = []
    for epoch in range(6):
        drawing.begin(epoch)
        seen.append([drawing[index].drawn[0] for index in range(len(drawing))])
    assert all(len(set(drawn)) == DRAWN == len(drawing[0].rows) for epoch in seen for drawn in epoch)
    assert len({drawn[0] for drawn in seen}) > 3 and len(set(seen[0])) > 3
    drawing.begin(2)
    assert [drawing[index].drawn[0] for index in range(len(drawing))] == seen[2]
    counts = np.bincount([window for epoch in seen for drawn in epoch for window in drawn])
    assert counts.min() > 0  # every window has its turn


@pytest.mark.parametrize("task_type", ["token-classification", "span"])
def test_windows_with_the_answer_are_drawn_and_their_targets_point_at_it(base: Base, task_type: str) -> None:
    examples = ENTITIES
    if task_type == "span":
        examples = [Example("zz", one.text, one.label) for one in ENTITIES]
    run, drawing = run_on(base, examples, task_type=task_type)
    drawing.begin(3)
    items = [drawing[index] for index in range(len(examples))]
    batch = run.preprocessor.collate(items)
    width = batch["input_ids"].shape[1]
    for item, places, target in zip(items, batch["places"], batch["labels"], strict=True):
        ids = batch["input_ids"].flatten()[places.clamp(min=0)]
        assert len(item.drawn[0]) == DRAWN and width <= 16
        text = item.windows[0].text
        if task_type == "span":
            assert IGNORED not in target.tolist()
            assert ids[target].tolist() == text.ids[item.target].tolist()
        else:
            (token,) = (i for i, label in enumerate(item.target) if label == 1)
            assert ids[target == 1].tolist() == [text.ids[token]]
        assert len(set(places[places >= 0].tolist())) == int((places >= 0).sum())
    assert torch.isfinite(run.model(**batch)["loss"])


@pytest.mark.parametrize(
    "task_type", ["classification", "multi-label", "regression", "token-classification", "span", "embedding"]
)
def test_every_type_trains_on_windows_and_answers_alike_in_torch_and_engine(
    base: Base, tmp_path: Path, task_type: str
) -> None:
    rows = rows_of(task_type) or [{"text": e.text, "label": e.label} for e in DOCUMENTS]
    for row in rows:  # longer than the limit, by words that say nothing
        where = "context" if "context" in row else "text"
        if "tokens" in row:
            row["tokens"], row["tags"] = [*row["tokens"], *["ba"] * 40], [*row["tags"], *["O"] * 40]
        else:
            row[where] += " ba" * 40
    examples = load_examples(rows, Columns(), task_type=task_type)
    report = train(base, examples, examples, tmp_path / "pack", replace(SHORT, task_type=task_type))
    pack = read_pack(tmp_path / "pack")
    expected = {"regression": "mean", "embedding": "mean", "token-classification": "offsets", "span": "offsets"}
    assert pack.info.windows == Windows(expected.get(task_type, "maximum"), 4, 32)
    engine = Engine(base, threads=1)
    check_canary(engine, pack)
    engine.install("task", pack)
    assert evaluate(engine, "task", examples) == report.engine
    assert report.agreement is None or report.agreement > 0.8
    assert report.cut["train"].cut == 0
    assert validate_pack(engine, "task", tmp_path / "pack").data == (tmp_path / "pack").read_bytes()


def test_evidence_anywhere_in_a_long_text_is_learned(base: Base, tmp_path: Path) -> None:
    words = ("aaa aa aaa", "zzz zz zzz")
    rows = [Example(document(words[row % 2], 5 + row % 8, 14), None, words[row % 2]) for row in range(24)]
    options = replace(SHORT, learning_rate=0.02, num_train_epochs=40, max_steps=None, per_device_train_batch_size=8)
    report = train(base, rows, rows, tmp_path / "pack", replace(options, windows="mean"))
    cut = train(base, rows, rows, tmp_path / "cut", replace(SHORT, max_length=8, windows="none", window_overlap=None))
    assert report.engine["accuracy"] >= 0.9
    assert cut.engine["accuracy"] < 0.9 and cut.cut["train"].cut == len(rows)


def test_the_surest_window_is_learned_from_long_documents_of_which_one_holds_the_evidence(
    base: Base, tmp_path: Path
) -> None:
    words = ("aaa aa aaa aa", "zzz zz zzz zz")
    rows = [Example(document(words[row % 2], row, 60), None, words[row % 2]) for row in range(60)]
    options = replace(SHORT, learning_rate=0.01, num_train_epochs=60, max_steps=None, per_device_train_batch_size=8)
    report = train(base, rows[:40], rows[40:], tmp_path / "pack", options)
    assert report.engine["accuracy"] >= 0.9 and report.agreement == 1.0


def test_an_entity_and_a_span_far_beyond_the_limit_are_found_with_their_characters(base: Base, tmp_path: Path) -> None:
    options = replace(SHORT, learning_rate=0.02, num_train_epochs=40, max_steps=None, per_device_train_batch_size=8)
    entities = replace(options, task_type="token-classification")
    train(base, ENTITIES, ENTITIES, tmp_path / "names", entities)
    spans = [Example("zz", one.text, one.label) for one in ENTITIES]
    train(base, spans, spans, tmp_path / "span", replace(options, task_type="span"))
    engine = Engine(base, threads=1)
    engine.install("names", tmp_path / "names")
    engine.install("span", tmp_path / "span")
    exact = 0
    for at in range(30, 56):  # in the middle of windows and where they overlap
        text = document("zzz", at)
        found = engine.predict(Row(text, "names")).entities
        start = text.index("zzz")
        assert [(one.label, one.text, one.start) for one in found] == [("Z", "zzz", start)]
        answer = engine.predict(Row("zz", "span", text))
        assert (answer.start, answer.truncated, answer.text) == (start, False, text[answer.start : answer.end])
        exact += answer.text == "zzz"
    assert exact >= 13  # of 26; the others end a token early, as without windows: the base is tiny


@pytest.mark.parametrize("answer", ["zzz", "zzz zz zzz"])
def test_wherever_an_answer_lies_both_its_ends_are_learned_and_read(base: Base, answer: str) -> None:
    texts = [document(answer, at) for at in range(40)]  # at edges, and where windows overlap
    starts = [text.index(answer) for text in texts]
    rows = zip(texts, starts, strict=True)
    examples = [Example("zz", text, (Mark("", start, start + len(answer)),)) for text, start in rows]
    run, drawing = run_on(base, examples, task_type="span")
    batch = run.preprocessor.collate([drawing[index] for index in range(len(examples))])
    assert IGNORED not in batch["labels"]
    for example, start, item in zip(examples, starts, run.prepare(examples).items, strict=True):
        (windowed,), parts = item.windows, []
        for index in range(len(windowed)):
            tokens = windowed.positions(index)[:, None]
            parts.append(np.where(tokens == item.target, 9, 0).astype(np.float32))  # what a perfect model gives
        joined = engine_joins.join(windowed, parts, "token_logits", run.info)
        (found,) = torch_answers(run.info, TaskData((example,), (item,)), [joined])
        assert (found.text, found.start) == (answer, start)


@pytest.mark.parametrize("windows", ["maximum", "offsets"])
def test_windows_from_a_layer_on_have_the_same_bytes_with_and_without_room_for_lower_layers(
    base: Base, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, windows: str
) -> None:
    task_type, rows = ("classification", DOCUMENTS) if windows == "maximum" else ("token-classification", ENTITIES)
    options = replace(SHORT, from_layer=1, windows=windows, task_type=task_type, max_steps=6, learning_rate=0.02)
    packs, notes = [], []
    for bounds in ((1 << 30, 0), (4096, 0)):
        made = lambda *given, at=bounds: Trunks(*given, store=StateStore(*at))  # noqa: E731
        monkeypatch.setattr(train_module, "Trunks", made)
        report = train(base, rows, rows, tmp_path / "pack", options)
        packs.append((tmp_path / "pack").read_bytes())
        notes.append(any("than once a text" in note for note in report.notes))
    assert packs[0] == packs[1] and notes == [False, True]
    assert read_pack(tmp_path / "pack").info.from_layer == 1 and report.agreement == 1.0


def test_a_comparison_trains_every_method_on_windows_and_measures_packs_in_the_engine(
    base: Base, tmp_path: Path
) -> None:
    options = replace(SHORT, windows="maximum", max_steps=None, num_train_epochs=1)
    plan = Plan(("bitfit", "head", "full"), (8,), 1, 2, options=options)
    file = CellFile(tmp_path / "cells.jsonl")
    Comparison(base, DOCUMENTS, DOCUMENTS, plan, file).run()
    assert {cell.method for cell in file.cells} == {"bitfit", "head", "full"}
    assert all((cell.engine is None) == (cell.method == "full") for cell in file.cells)
    assert all(cell.engine is None or abs(cell.engine - cell.torch) <= 0.1 for cell in file.cells)


def test_a_killed_run_goes_on_to_the_same_bytes(base: Base, tmp_path: Path) -> None:
    options = replace(SHORT, max_steps=None, num_train_epochs=4, checkpoints=tmp_path / "c", early_stopping_patience=4)
    train(base, DOCUMENTS, DOCUMENTS, tmp_path / "whole", options)
    newest = max((tmp_path / "c").glob("checkpoint-*"), key=lambda path: int(path.name.split("-")[1]))
    (newest / "trainer_state.json").unlink()  # the last thing that is written of a checkpoint
    train(base, DOCUMENTS, DOCUMENTS, tmp_path / "resumed", replace(options, resume_from_checkpoint=True))
    assert (tmp_path / "whole").read_bytes() == (tmp_path / "resumed").read_bytes()
    with pytest.raises(TrainingError, match="`windows` was 'auto', now it is 'mean'"):
        other = replace(options, resume_from_checkpoint=True, windows="mean")
        train(base, DOCUMENTS, DOCUMENTS, tmp_path / "other", other)


def test_shared_training_learns_what_each_run_learns_alone(base: Base, tmp_path: Path) -> None:
    options = replace(SHORT, max_steps=3, per_device_train_batch_size=8, learning_rate=0.003)
    spans = replace(options, task="span", task_type="span")
    data = [Example("zz", one.text, one.label) for one in ENTITIES]
    configs = [
        RunConfig(DOCUMENTS, DOCUMENTS, tmp_path / "one", replace(options, task="one")),
        RunConfig(data, data, tmp_path / "two", spans),
        RunConfig(DOCUMENTS, DOCUMENTS, tmp_path / "three", replace(options, windows="none", window_overlap=None)),
    ]
    list(train_shared(base, configs, at_once=8))
    for config in configs:
        alone = tmp_path / "alone"
        train(base, config.train, config.evaluation, alone, config.options)
        found, expected = (read_pack(p).decode(base.manifest, base.default_biases) for p in (config.output, alone))
        for name, value in expected.items():
            assert np.linalg.norm(found[name] - value) <= 5e-3 * np.linalg.norm(value), name


def test_a_head_alone_learns_from_windows(base: Base, tmp_path: Path) -> None:
    options = replace(SHORT, terms="none", max_steps=60, learning_rate=0.1)
    report = train(base, DOCUMENTS, DOCUMENTS, tmp_path / "pack", options)
    assert report.trained_parameters == 0 and report.agreement == 1.0
    assert read_pack(tmp_path / "pack").info.windows == Windows("maximum", 4, 32)


def test_what_lies_beyond_the_windows_is_counted_as_cut(base: Base, tmp_path: Path) -> None:
    report = train(base, DOCUMENTS, DOCUMENTS, tmp_path / "pack", replace(SHORT, max_windows=2))
    assert report.cut["train"].cut == len(DOCUMENTS)
    assert any("cut at max_windows 2; raise it" in note for note in report.notes)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"windows": "offsets"},
            "`windows` of a classification task should be one of none, auto, mean, maximum, noisy-or",
        ),
        ({"windows": "mean", "task_type": "span"}, "`windows` of a span task should be one of none, auto, offsets"),
        ({"windows": "noisy-or", "task_type": "regression"}, "should be one of none, auto, mean, maximum, found"),
        ({"windows": "max"}, "`windows` should be one of none, auto, mean"),
        ({"windows": "mean", "window_overlap": 9, "max_length": 16}, "at most half of `max_length` 16, found 9"),
        ({"windows": "mean", "window_overlap": -1}, "`window_overlap` should be at least 0"),
        ({"windows": "mean", "max_windows": 0}, "`max_windows` should be at least 1"),
        ({"windows": "mean", "max_windows": 5000}, "at most 1024"),
        ({"window_overlap": 4}, "`window_overlap` needs `windows`"),
        ({"max_windows": 4}, "`max_windows` needs `windows`"),
    ],
)
def test_wrong_values_are_refused_by_name(options: dict[str, object], message: str) -> None:
    with pytest.raises(TrainingError) as refused:
        TrainOptions(**options).check()
    assert message in str(refused.value) and "\n" not in str(refused.value)


def test_without_windows_a_pack_has_none(base: Base, tmp_path: Path) -> None:
    train(base, DOCUMENTS, DOCUMENTS, tmp_path / "pack", TrainOptions(max_length=16, max_steps=1))
    assert read_pack(tmp_path / "pack").info.windows is None
    assert b'schema_version\\": 1' in (tmp_path / "pack").read_bytes()


def test_the_command_line_trains_with_windows_and_answers_a_long_text(
    base: Base, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write_csv(tmp_path / "d.csv", [(one.text, str(one.label)) for one in DOCUMENTS])
    pack = tmp_path / "p.safetensors"
    files = ("--base", base.folder, "--train", data, "--eval", data, "--output", pack)
    options = ("--windows", "maximum", "--max-length", 16, "--window-overlap", 4, "--steps", 1, "--quiet")
    assert bitfit("train", *files, *options, capsys=capsys)[0] == 0
    code, out, _ = bitfit("inspect", pack, capsys=capsys)
    assert code == 0 and "join maximum, overlap 4, max windows 32" in out
    long = "ba " * 2000
    asked = ("--base", base.folder, "--pack", f"m={pack}", "--text", DOCUMENTS[0].text, "--text", long, "--json")
    code, out, _ = bitfit("predict", *asked, capsys=capsys)
    assert code == 0 and [json.loads(line)["truncated"] for line in out.splitlines()] == [False, True]
    adapter = ("--to", "onnx-adapter", "--base", base.folder, "--pack", pack, "--output", tmp_path / "a")
    code, _, said = bitfit("convert", *adapter, capsys=capsys)
    assert code == 0 and "windows" in said
    code, _, said = bitfit("train", *files, "--windows", "offsets", capsys=capsys)
    assert code == 7 and said.count("\n") == 1 and "--windows of a classification task" in said
