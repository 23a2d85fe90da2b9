"""Shared layers: what is computed once for several rows gives each of them the bits that it has alone."""

import logging
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bitfit_runtime import Base, Embedding, Engine, Entities, Prediction, Row, Span
from bitfit_runtime.batching import PIECE
from bitfit_runtime.errors import InputError
from bitfit_runtime.formats import Windows
from bitfit_runtime.graph import TOKENS_READ
from support.layered import LayeredSession, layered_base, layered_engine
from support.packs import random_pack
from support.sharing import TEXTS, check_random_call, pack_of

LAYERS = 6


def rows_of(engine: Engine, name: str) -> list[int]:
    session: Any = engine._session
    return [len(feeds[name]) for feeds in session.runs]


@st.composite
def calls(draw: st.DrawFn) -> tuple[tuple[int, ...], list[tuple[int, str, Any]], list[tuple[int, int, str | None]]]:
    """Branch points; packs by first layer, type and whether they are a head alone; rows of text, pack, second text."""
    branches = tuple(sorted(draw(st.sets(st.integers(1, LAYERS)))))
    kinds = st.sampled_from(["classification", "multi-label", "token-classification"])
    packs = draw(st.lists(st.tuples(st.integers(0, LAYERS), kinds, st.sampled_from([None, None, ()])), min_size=1))
    places = st.tuples(
        st.integers(0, len(TEXTS) - 1), st.integers(-1, len(packs) - 1), st.sampled_from([None, None, "pair"])
    )
    return branches, packs, draw(st.lists(places, max_size=24))


@settings(max_examples=30)
@given(call=calls(), tokens=st.sampled_from([64, 512]))
def test_rows_that_share_layers_answer_as_they_do_alone_to_the_bit(base: Base, call: Any, tokens: int) -> None:
    branches, packs, places = call
    layered = layered_base(base, LAYERS, branches)
    engine = layered_engine(layered, max_batch_tokens=tokens)
    alone = layered_engine(layered_base(base, LAYERS, ()))
    for number, pack in enumerate(packs):
        for one in (engine, alone):
            start, kind, terms = pack
            one.install(str(number), pack_of(layered, number, kind, 0 if terms == () else start, terms))
    rows = [Row(TEXTS[text], None if pack < 0 else str(pack), pair) for text, pack, pair in places]
    with_task = [row for row in rows if row.task is not None]
    for together, by_itself in ((engine.embed(rows), alone.embed), (engine.logits(with_task), alone.logits)):
        for row, found in zip(rows if by_itself == alone.embed else with_task, together, strict=True):
            np.testing.assert_array_equal(found, by_itself([row])[0])
    assert engine.predict(with_task) == [alone.predict(row) for row in with_task]


@settings(max_examples=25)
@given(st.integers(0, 1 << 32))
def test_random_calls_of_a_real_base_answer_as_their_rows_alone_to_the_bit(base: Base, seed: int) -> None:
    check_random_call(base, seed)


def test_random_calls_of_a_real_base_do_share(base: Base) -> None:
    assert base.manifest.branches == (1, 2)
    assert max(check_random_call(base, seed, rows=24) for seed in range(4)) > 0.3


def engine_of_five_starts(base: Base) -> Engine:
    layered = layered_base(base, LAYERS, (2, 4, 6))
    engine = layered_engine(layered)
    for task, start in enumerate((0, 2, 4, 4, 6)):
        engine.install(str(task), random_pack(layered, task, from_layer=start))
    return engine


def test_tasks_that_begin_high_share_the_layers_below(base: Base) -> None:
    engine = engine_of_five_starts(base)
    found = engine.predict("a text", tasks=list("01234"))
    assert rows_of(engine, "input_ids") == [2]  # its own biases from layer 0, and the base's
    assert (rows_of(engine, "branch.2"), rows_of(engine, "branch.4"), rows_of(engine, "branch.6")) == ([3], [5], [5])
    assert found == {task: engine.predict("a text", task) for task in "01234"}
    session: Any = engine._session
    alone = session.runs[1:]
    assert len(alone) == 5 and not any(name.startswith("branch.") for feeds in alone for name in feeds)


def test_what_a_call_shares_is_explained(base: Base) -> None:
    engine = engine_of_five_starts(base)
    sharing = engine.explain("a text", tasks=list("01234"))
    assert (sharing.rows, sharing.texts, sharing.batches) == (5, 1, 1)
    assert [(level.from_layer, level.layers, level.rows) for level in sharing.levels] == [
        (0, 2, 2),
        (2, 2, 3),
        (4, 2, 5),
        (6, 0, 5),
    ]
    assert sharing.saved == 1 - (2 * 2 + 2 * 3 + 2 * 5) / (5 * 6)
    assert str(sharing).splitlines() == [
        "5 rows of 1 text in 1 batch: 33% of the layers' work is shared",
        "  layers 0 to 1: 2 rows",
        "  layers 2 to 3: 3 rows",
        "  layers 4 to 5: 5 rows",
        "  heads: 5 rows",
    ]
    assert engine.explain(["a", "b"], "0").saved == 0
    assert engine.explain([Row("a", "0"), Row("a", "0")]).saved == 0.5
    assert engine.explain([], "0").rows == 0
    assert len(engine._session.runs) == 0  # nothing ran
    with pytest.raises(InputError, match="cannot be combined"):
        engine.explain("a", "0", tasks=["1"])
    with pytest.raises(InputError, match="no task"):
        engine.explain("a")


def test_explained_rows_and_texts_are_those_of_the_call_whatever_its_windows_and_pieces(base: Base) -> None:
    engine = engine_of_five_starts(base)
    pack = random_pack(engine.base, 0)
    engine.install("windows", replace(pack, info=replace(pack.info, max_length=16, windows=Windows("mean", 4, 8))))
    text = " ".join("abcdefghijklmnopqrstuvwxyz")  # so that no two windows are the same
    sharing = engine.explain(text, "windows")
    windows = sharing.levels[0].rows
    assert (sharing.rows, sharing.texts, sharing.saved) == (1, 1, 0) and windows > 1
    twice = engine.explain([text, text], "windows")
    assert (twice.rows, twice.texts, twice.saved, twice.levels[0].rows) == (2, 1, 0.5, windows)
    many = engine.explain(["same"] * (PIECE.windows + 1), "0")
    assert (many.rows, many.texts, many.batches) == (PIECE.windows + 1, 1, 2)
    pairs = [Row("a", "0"), Row("a", "0", "b"), Row("a", "0", "c"), Row("a", "1", "c")]
    assert engine.explain(pairs).texts == 3


def test_entities_spans_embeddings_and_the_bare_base_share_with_labels(base: Base) -> None:
    layered = layered_base(base, LAYERS, (3, 6))
    engine = layered_engine(layered)
    engine.install("span", pack_of(layered, 1, "span", 3))
    engine.install("entities", pack_of(layered, 2, "token-classification", 3))
    engine.install("embedding", pack_of(layered, 3, "embedding", 3))
    engine.install("head", random_pack(layered, 4, terms=()))
    tasks = ["span", "entities", "embedding", "head"]
    found = engine.predict("a text of words", tasks=tasks)
    assert [type(found[task]) for task in tasks] == [Span, Entities, Embedding, Prediction]
    assert (rows_of(engine, "input_ids"), rows_of(engine, "branch.3"), rows_of(engine, "branch.6")) == ([1], [4], [4])
    alone = {task: engine.predict("a text of words", task) for task in tasks}
    assert [answer.as_dict(9) for answer in found.values()] == [answer.as_dict(9) for answer in alone.values()]
    assert [TOKENS_READ in feeds for feeds in engine._session.runs] == [False, False, False, True, True]
    engine._session.runs.clear()
    rows = [Row("one"), Row("one", "head"), Row("one", "embedding")]
    together = engine.embed(rows)
    assert rows_of(engine, "branch.6") == [2]  # a head alone moves no pooled vector
    np.testing.assert_array_equal(together[0], together[1])
    np.testing.assert_array_equal(together[2], engine.embed(rows[2])[0])


def test_one_file_under_two_names_is_one_row_and_its_answers_are_independent_arrays(base: Base) -> None:
    layered = layered_base(base, LAYERS, ())
    engine = layered_engine(layered)
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        engine.install(name, random_pack(layered, seed))
    first, second, _ = engine.logits([Row("text", name) for name in "abc"])
    assert rows_of(engine, "input_ids") == [2]
    np.testing.assert_array_equal(first, second)
    first += 1
    assert not np.array_equal(first, second)
    answers = engine.predict([Row("text", name) for name in "ab"])
    assert [answer.task for answer in answers] == ["a", "b"]


def test_the_same_characters_cut_to_different_lengths_share_nothing(base: Base) -> None:
    layered = layered_base(base, LAYERS, (6,))
    engine = layered_engine(layered)
    for name, length in (("long", 64), ("short", 8)):
        pack = random_pack(layered, 1, from_layer=6)
        engine.install(name, replace(pack, info=replace(pack.info, max_length=length)))
    found = engine.predict("word " * 40, tasks=["long", "short"])
    assert rows_of(engine, "input_ids") == [2]
    assert found == {task: engine.predict("word " * 40, task) for task in found}


def test_a_start_on_a_base_without_branch_points_works_and_is_told_once(
    base: Base, caplog: pytest.LogCaptureFixture
) -> None:
    base = layered_base(base, LAYERS, ())
    engine = layered_engine(base)
    with caplog.at_level(logging.WARNING, "bitfit_runtime"):
        for seed in (1, 2):
            engine.install(f"t{seed}", random_pack(base, seed, from_layer=1))
        engine.fork().install("t", random_pack(base, 3, from_layer=1))
    (record,) = caplog.records
    assert "'t1' begins at layer 1" in record.message and "no branch point" in record.message
    found = engine.predict("a", tasks=["t1", "t2"])
    assert found == {name: engine.predict("a", name) for name in found}
    assert engine.explain("a", tasks=["t1", "t2"]).saved == 0
    caplog.clear()
    layered = layered_engine(layered_base(base, LAYERS, (2, 4)))
    layered.install("t", random_pack(layered.base, 1, from_layer=3))
    assert not caplog.records


def test_the_stand_in_notices_a_row_that_continues_nothing(base: Base) -> None:
    layered = layered_base(base, LAYERS, (3,))
    session = LayeredSession(layered, {name: bias[None, None] for name, bias in layered.default_biases.items()})
    ids = np.ones((2, 3), np.int64)
    tokens = {"input_ids": ids, "attention_mask": ids, "token_type_ids": ids}
    for wrong in ([0, 2], [-1]):
        with pytest.raises(AssertionError):
            session.run(["pooled"], {**tokens, "branch.3": np.array(wrong, np.int64)})
