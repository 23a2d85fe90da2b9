from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest

from bitfit_runtime import Base, Engine, Pack, Prediction, Row, Score, batching, write_pack
from bitfit_runtime.batching import Load
from bitfit_runtime.errors import InputError, PackFormatError, PackMismatchError, UnknownTaskError
from bitfit_runtime.formats import Windows
from bitfit_runtime.onnx_adapter import write_onnx_adapter
from bitfit_runtime.session import make_exact
from bitfit_runtime.tokenizer import Tokenizer, collate
from bitfit_runtime.windows import Limit
from hot_swap.run import replace_under_load
from support.packs import random_pack

TEXTS = ["a", "some words of a text", "", "and a much longer text than the others, so that most rows are padded", "ok?"]


def test_rows_of_a_mixed_batch_answer_as_they_do_alone_to_the_bit(base: Base, engine: Engine) -> None:
    rows = []
    for i in range(32):
        engine.install(f"t{i}", random_pack(base, seed=i, labels=1 + i % 19, terms=None if i % 3 else ("q", "m2")))
        rows.append(Row(TEXTS[i % 5] * (1 + i % 2), f"t{i}", "a pair" if i % 7 == 0 else None))
    together = engine.logits(rows)
    for row, logits in zip(rows, together, strict=True):
        np.testing.assert_array_equal(engine.logits(row)[0], logits)
    np.testing.assert_array_equal(engine.logits(rows[::-1])[5], together[-6])


def test_one_text_gives_one_answer_and_a_list_gives_a_list(base: Base, engine: Engine) -> None:
    engine.install("t", random_pack(base))
    assert isinstance(engine.predict("a", "t"), Prediction)
    assert [type(a) for a in engine.predict(["a", Row("b", text_pair="c")], "t")] == [Prediction] * 2
    assert engine.predict([], "t") == []


def test_several_tasks_about_a_text_give_a_mapping_and_about_a_list_a_list_of_them(base: Base, engine: Engine) -> None:
    engine.install("labels", random_pack(base, 1, labels=3))
    engine.install("number", random_pack(base, 2, labels=1, task_type="regression"))
    found = engine.predict("a text", tasks=["number", "labels"])
    assert list(found) == ["number", "labels"]
    assert found == {name: engine.predict("a text", name) for name in found}
    pair = Row("a", text_pair="b")
    assert engine.predict(["a text", pair], tasks=["labels", "number"]) == [
        found,
        {name: engine.predict(pair, name) for name in found},
    ]
    assert engine.predict([], tasks=["labels"]) == []
    for wrong in ({"task": "labels"}, {"expect": Prediction}):
        with pytest.raises(InputError, match="cannot be combined"):
            engine.predict("a", tasks=["labels"], **wrong)
    with pytest.raises(UnknownTaskError, match="'other' is not installed"):
        engine.predict("a", tasks=["labels", "other"])


def test_the_expected_class_of_an_answer_is_checked_before_anything_runs(base: Base, engine: Engine) -> None:
    engine.install("labels", random_pack(base, 1))
    engine.install("number", random_pack(base, 2, labels=1, task_type="regression"))
    assert engine.predict("a", "labels", expect=Prediction).label in ("label-0", "label-1")
    assert [answer.value for answer in engine.predict(["a"], "number", expect=Score)]
    with pytest.raises(InputError, match="'number' answers with Score, expected Prediction"):
        engine.predict([Row("a", "labels"), Row("a", "number")], expect=Prediction)


def test_a_batch_larger_than_the_limit_keeps_the_order(base: Base) -> None:
    small = Engine(base, threads=1, batch_size=2)
    large = Engine(base, threads=1)
    for engine in (small, large):
        engine.install("t", random_pack(base))
    for a, b in zip(small.logits(TEXTS * 3, "t"), large.logits(TEXTS * 3, "t"), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_long_text_is_cut_and_the_answer_says_so(base: Base, engine: Engine) -> None:
    engine.install("t", random_pack(base))
    assert [a.truncated for a in engine.predict(["word " * 200, "word"], "t")] == [True, False]


def test_hidden_states_and_embeddings_leave_out_the_padding(base: Base, engine: Engine) -> None:
    engine.install("t", random_pack(base))
    states = engine.hidden_states(TEXTS)
    assert states[0].shape == (3, 64)
    np.testing.assert_allclose(engine.embed(TEXTS)[3], states[3].mean(0), rtol=1e-4, atol=1e-5)
    assert not np.allclose(engine.embed(TEXTS), engine.embed(TEXTS, "t"))


def test_unknown_tasks_and_rows_without_one_are_refused(base: Base, engine: Engine) -> None:
    engine.install("t", random_pack(base))
    with pytest.raises(UnknownTaskError, match="installed: t"):
        engine.predict("a", "nope")
    with pytest.raises(InputError, match="no task"):
        engine.predict("a")
    with pytest.raises(UnknownTaskError):
        engine.remove("nope")
    with pytest.raises(InputError):
        engine.install("", random_pack(base))


def test_a_pack_that_cannot_be_used_leaves_the_earlier_one(base: Base, engine: Engine, tmp_path: Path) -> None:
    good = random_pack(base)
    engine.install("t", good)
    before = engine.logits("a", "t")[0]
    (tmp_path / "torn").write_bytes(write_pack(good, tmp_path / "whole").read_bytes()[:-9])
    with pytest.raises(PackFormatError):
        engine.install("t", tmp_path / "torn")
    with pytest.raises(PackMismatchError):
        engine.install("t", replace(good, info=replace(good.info, base="sha256:f00")))
    np.testing.assert_array_equal(engine.logits("a", "t")[0], before)
    engine.remove("t")
    assert dict(engine.tasks) == {}


def test_answers_given_while_packs_are_replaced_come_from_one_whole_pack_and_nothing_leaks(
    engine: Engine, tmp_path: Path
) -> None:
    load = replace_under_load(engine, tmp_path, replacements=500, threads=8)
    assert (load.strangers, load.errors) == (0, ())
    assert min(load.answers) > 8
    assert load.grown_bytes < 2 << 20  # 6 MB if every pack stayed


def test_stock_onnxruntime_gives_the_same_bits_with_an_adapter_file(base: Base, engine: Engine, tmp_path: Path) -> None:
    pack = random_pack(base, labels=7)
    engine.install("t", pack)
    write_onnx_adapter(pack, base, tmp_path / "t.onnx_adapter")
    manifest = base.manifest
    encoded = Tokenizer.from_file(base.tokenizer_path).tokenize([(t, None) for t in TEXTS], [64] * 5)
    tokens = collate(encoded, manifest.inputs, manifest.pad_token_id)

    session_options = ort.SessionOptions()
    session_options.log_severity_level = 3
    session_options.intra_op_num_threads = 1
    session = ort.InferenceSession(str(base.model_path), make_exact(session_options))
    adapter = ort.LoraAdapter()
    adapter.Load(str(tmp_path / "t.onnx_adapter"))
    options = ort.RunOptions()
    options.add_active_adapter(adapter)
    logits = session.run(["logits"], tokens, options)[0]
    np.testing.assert_array_equal(logits, np.stack(engine.logits(TEXTS, "t")))


def test_a_long_list_is_answered_in_pieces_to_the_bit_as_at_once_and_in_order(
    engine: Engine, base: Base, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed, name in enumerate("ab"):
        engine.install(name, random_pack(base, seed))
    rows = [Row("abc " * (1 + index % 7), "ab"[index % 2], "z" * (index % 3) or None) for index in range(40)]
    at_once = engine.logits(rows)
    monkeypatch.setattr(batching, "PIECE", Load(40, 7, 1 << 20))
    tokenized: list[int] = []
    tokenize = Tokenizer.tokenize_windows

    def counted(self: Tokenizer, texts: Any, *rest: Any) -> Any:
        tokenized.append(len(texts))
        return tokenize(self, texts, *rest)

    monkeypatch.setattr(Tokenizer, "tokenize_windows", counted)
    in_pieces = engine.logits(rows)
    assert max(tokenized) <= 7 and sum(tokenized) == len(rows)
    assert all(np.array_equal(one, other) for one, other in zip(at_once, in_pieces, strict=True))
    assert [answer.task for answer in engine.predict(rows)] == [row.task for row in rows]
    assert engine.predict([], task="a") == []


def test_pieces_are_bounded_in_characters_windows_and_bytes_and_leave_nothing_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(batching, "PIECE", Load(10, 3, 100))

    def cut(*loads: tuple[int, ...]) -> list[int]:
        found = [*batching.pieces([Load(*load) for load in loads])]
        assert [row for piece in found for row in range(len(loads))[piece]] == [*range(len(loads))]
        return [piece.stop - piece.start for piece in found]

    assert cut() == [] and cut((99, 1)) == [1]
    assert cut(*[(1, 1)] * 4) == [3, 1]
    assert cut((5, 1), (5, 1), (1, 1), (99, 1), (0, 1)) == [2, 1, 1, 1]
    assert cut((1, 2), (1, 1), (1, 9), (1, 1)) == [2, 1, 1]
    assert cut((1, 1, 60), (1, 1, 40), (1, 1, 1), (1, 1, 500)) == [2, 1, 1]


def test_a_row_holds_the_numbers_of_its_tokens(base: Base) -> None:
    tags = random_pack(base, labels=5, task_type="token-classification").info
    pack = Pack(replace(tags, max_length=32, windows=Windows("offsets", 8, 4)), {})
    for text, tokens in (("abc", 3 + 8), ("é" * 4, 16 + 8), ("abcd" * 100, 32)):
        load = Load.of(Row(text), pack, Limit.of(pack.info))
        assert load.token_bytes == 4 * load.windows * tokens * 5
    assert Load.of(Row("abc"), random_pack(base), Limit(32)) == Load.of(Row("abc"), None, Limit(32)) == Load(3, 1)
