"""Windows of long texts: which tokens each has, how their outputs are joined, and that company changes no bit."""

import math
import random
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitfit_runtime import Base, Engine, Pack, Row
from bitfit_runtime.canary import PROBES, check_canary, make_canary, probes
from bitfit_runtime.errors import CanaryError
from bitfit_runtime.formats import Windows, parse_pack, serialize
from bitfit_runtime.graph import LAST_HIDDEN_STATE, LOGITS, POOLED, TOKEN_LOGITS
from bitfit_runtime.request import Request
from bitfit_runtime.token_layout import Layout
from bitfit_runtime.tokenized_text import FIRST, SECOND
from bitfit_runtime.tokenizer import Tokenizer
from bitfit_runtime.window_joins import by_offsets, maximum, mean, noisy_or, noisy_or_of_one
from bitfit_runtime.windows import Limit, WindowedText
from support.packs import random_pack
from support.tokenizer_kinds import make_kind

WORDS = ("Ann", "met", "Bob", "in", "Oslo", ",", "unbelievable", "the", "river")


def document(words: int, seed: int = 0) -> str:
    return " ".join(random.Random(seed).choices(WORDS, k=words))


def windowed(pack: Pack, join: str, overlap: int = 4, most: int = 8, length: int = 16) -> Pack:
    return replace(pack, info=replace(pack.info, max_length=length, windows=Windows(join, overlap, most)))


def ranges(*pairs: tuple[int, int]) -> list[range]:
    return [range(*pair) for pair in pairs]


@pytest.mark.parametrize(
    ("length", "room", "overlap", "most", "expected"),
    [
        (0, 10, 2, 32, ranges((0, 0))),
        (10, 10, 2, 32, ranges((0, 10))),
        (11, 10, 2, 32, ranges((0, 10), (8, 11))),
        (18, 10, 2, 32, ranges((0, 10), (8, 18))),
        (19, 10, 2, 32, ranges((0, 10), (8, 18), (16, 19))),
        (25, 10, 0, 32, ranges((0, 10), (10, 20), (20, 25))),
        (25, 10, 0, 2, ranges((0, 10), (10, 20))),
        (25, 10, 9, 3, ranges((0, 10), (5, 15), (10, 20))),  # at most half of a window is shared
        (5, 1, 3, 4, ranges((0, 1), (1, 2), (2, 3), (3, 4))),
        (5, 0, 3, 4, ranges((0, 0))),
    ],
)
def test_windows_of_given_lengths(length: int, room: int, overlap: int, most: int, expected: list[range]) -> None:
    assert Limit(0, overlap, most).slices(length, room) == expected


@given(st.integers(0, 400), st.integers(0, 40), st.integers(0, 40), st.integers(1, 12))
def test_windows_cover_a_text_in_order_up_to_their_number(length: int, room: int, overlap: int, most: int) -> None:
    limit = Limit(room + 2, overlap, most)
    slices = limit.slices(length, room)
    layout = Layout(((1, 0, None), (2, 0, FIRST), (3, 0, None)))
    assert 1 <= len(slices) <= most and all(len(part) <= room for part in slices)
    assert {token for part in slices for token in part} == set(range(min(length, limit.most(layout) if room else 0)))
    assert all(0 <= one.stop - other.start == min(overlap, room // 2) for one, other in pairwise(slices))
    assert all(len(part) == room for part in slices[:-1])
    assert slices[-1].stop == length or len(slices) == most or room == 0


@pytest.mark.parametrize("searched", [None, FIRST, SECOND])
@pytest.mark.parametrize("lengths", [(200, 0), (3, 300), (300, 3), (100, 90), (9, 0), (3, 4)])
def test_each_window_is_a_slice_of_the_text_among_the_special_tokens(
    lengths: tuple[int, int], searched: int | None
) -> None:
    raw = make_kind("bert-uncased")
    first, second = document(lengths[0]), document(lengths[1], 1) if lengths[1] else None
    (found,) = Tokenizer(raw).tokenize_windows([(first, second)], [Limit(16, 4, 1000, searched)])
    cut, whole = Tokenizer(raw).tokenize([(first, second), (first, second)], [16, 100_000])
    ids = [whole.ids[side.start : side.stop].tolist() for side in whole.sides]
    side = found.side if len(found) > 1 else FIRST
    longer = FIRST if len(ids[FIRST]) > len(ids[SECOND]) else SECOND
    assert len(found) == 1 or side == (longer if searched is None or second is None else searched)
    other = [cut.ids[part.start : part.stop].tolist() for part in cut.sides][1 - side]
    begin, separator = whole.ids[0], whole.ids[-1]
    seen: list[int] = []
    for window, part in zip(found.windows, found.slices, strict=True):
        own = window.ids[window.sides[side].start : window.sides[side].stop].tolist()
        sides = (own, other) if side == FIRST else (other, own)
        assert len(window) <= 16
        assert window.ids.tolist() == [
            begin,
            *sides[FIRST],
            separator,
            *([] if second is None else [*sides[1], separator]),
        ]
        assert window.ids[window.sides[1 - side].start : window.sides[1 - side].stop].tolist() == other
        assert window.type_ids.tolist() == [0] * (len(sides[FIRST]) + 2) + [1] * (len(window) - len(sides[FIRST]) - 2)
        assert np.array_equal(window.offsets, found.text.offsets[found.positions(found.slices.index(part))])
        seen += own[0 if not seen else 4 if len(own) > 4 else 0 :]
    if len(found) > 1 and len(other) < 4:
        assert seen == ids[side][: len(seen)] and len(seen) == len(ids[side])
    assert found.text.truncated == (len(other) < len(ids[1 - side]))


def test_what_lies_beyond_the_windows_is_cut_and_that_is_said() -> None:
    tokenizer = Tokenizer(make_kind("bert-uncased"))
    long, (short, three) = document(5000), ("Ann met Bob", "Ann met Bob " * 12)
    found = tokenizer.tokenize_windows([(long, None), (short, None), (three, None)], [Limit(16, 4, 3)] * 3)
    assert [(len(text), text.text.truncated) for text in found] == [(3, True), (1, False), (3, True)]
    assert len(found[0].text) == 2 + 14 + 10 + 10
    assert found[1].windows == [found[1].text]


@given(st.integers(1, 120), st.integers(2, 30), st.integers(0, 15), st.integers(1, 6))
def test_a_token_speaks_from_the_window_in_which_it_is_farthest_from_an_edge(
    length: int, room: int, overlap: int, most: int
) -> None:
    raw = make_kind("bert-uncased")
    (found,) = Tokenizer(raw).tokenize_windows([("a " * length, None)], [Limit(room + 2, overlap, most)])
    speakers = found.speakers().tolist()
    for token, speaker in enumerate(speakers):
        inside = {
            index: min(token - part.start, part.stop - 1 - token)
            for index, part in enumerate(found.slices)
            if token in part
        }
        assert speaker == (max(inside, key=lambda index: inside[index]) if inside else 0)
    parts = [np.array([[index * 1000 + p] for p in found.positions(index)], np.float32) for index in range(len(found))]
    assert by_offsets(found, parts)[:, 0].tolist() == [1000 * who + token for token, who in enumerate(speakers)]


VALUES = st.lists(st.lists(st.floats(-30, 30, width=32), min_size=3, max_size=3), min_size=2, max_size=6)


@given(VALUES)
def test_joined_logits_are_those_of_the_plain_formulas(values: list[list[float]]) -> None:
    parts = [np.array(row, np.float32) for row in values]
    assert mean(parts).tolist() == [sum(column) / len(values) for column in zip(*values, strict=True)]
    assert maximum(parts).tolist() == [max(column) for column in zip(*values, strict=True)]
    each = [1 - math.prod(1 / (1 + math.exp(z)) for z in column) for column in zip(*values, strict=True)]
    assert np.allclose(1 / (1 + np.exp(-noisy_or(parts))), each, rtol=1e-9, atol=1e-13)
    softmax = [[math.exp(z) / sum(map(math.exp, row)) for z in row] for row in values]
    some = [1 - math.prod(1 - p for p in column) for column in zip(*softmax, strict=True)]
    assert np.allclose(np.exp(noisy_or_of_one(parts)), some, rtol=1e-9, atol=1e-13)


def test_noisy_or_is_exact_where_the_plain_formula_is_not() -> None:
    def of(*rows: list[float]) -> list[np.ndarray]:
        return [np.array(row, np.float32) for row in rows]

    assert noisy_or(of([-40.0], [-40.0])).tolist() == pytest.approx([-40 + math.log(2)])
    assert noisy_or(of([60.0], [50.0])).tolist() == pytest.approx([110])  # 1 - p is the product of both
    assert noisy_or(of([-900.0], [-800.0])).tolist() == [-800]
    assert noisy_or_of_one(of([0.0, -50.0], [0.0, -50.0])).tolist() == pytest.approx([0, -50 + math.log(2)])
    assert noisy_or_of_one(of([0.0, 900.0], [0.0, 900.0])).tolist() == [-900, 0]


def packs_of(base: Base) -> dict[str, Pack]:
    entities = random_pack(base, 3, 3, task_type="token-classification")
    names = replace(entities, info=replace(entities.info, labels=("O", "B-x", "I-x")))
    span = random_pack(base, 4, 2, task_type="span")
    return {
        "mean": windowed(random_pack(base, 1, 3), "mean"),
        "maximum": windowed(random_pack(base, 1, 3), "maximum", 0),
        "noisy-or": windowed(random_pack(base, 2, 5, task_type="multi-label"), "noisy-or", 8, 3),
        "one": windowed(random_pack(base, 2, 5), "noisy-or", 8, 3),
        "number": windowed(random_pack(base, 5, 1, task_type="regression"), "maximum"),
        "names": windowed(names, "offsets", 5, 64),
        "span": windowed(replace(span, info=replace(span.info, labels=("start", "end"))), "offsets", 7, 64),
        "vector": windowed(random_pack(base, 6, 0, task_type="embedding"), "mean"),
        "cut": replace(random_pack(base, 7), info=replace(random_pack(base, 7).info, max_length=16)),
    }


@pytest.fixture
def tasks(base: Base, engine: Engine) -> Engine:
    for name, pack in packs_of(base).items():
        engine.install(name, parse_pack(serialize(pack)))
    return engine


def mixed_rows() -> list[Row]:
    draw = random.Random(5)
    names = ("mean", "maximum", "noisy-or", "one", "number", "names", "span", "vector", "cut")
    pairs = ("span", "mean", "one", "names", "number")
    return [
        Row(document(draw.choice((0, 2, 9, 40, 90)), row), name, document(draw.choice((2, 30)), row) if pair else None)
        for row in range(5)
        for name in names
        for pair in ((False, True) if name in pairs else (False,))
    ]


def outputs(engine: Engine, rows: list[Row]) -> list[np.ndarray]:
    with_head = [row for row in rows if row.task != "vector"]
    return [*engine.logits(with_head), *engine.embed(rows), *engine.hidden_states(rows)]


def test_answers_do_not_depend_on_what_else_is_in_the_batch(base: Base, tasks: Engine) -> None:
    rows = mixed_rows()
    together, answers = outputs(tasks, rows), tasks.predict(rows)
    alone = [part for row in rows if row.task != "vector" for part in tasks.logits([row])]
    alone += [part for row in rows for part in tasks.embed([row])]
    alone += [part for row in rows for part in tasks.hidden_states([row])]
    small = Engine(base, threads=1, batch_size=3, max_batch_tokens=64)
    for name, pack in packs_of(base).items():
        small.install(name, pack)
    for found, expected, other in zip(together, alone, outputs(small, rows), strict=True):
        assert found.tobytes() == expected.tobytes() == other.tobytes()
    assert [answer.as_dict() for answer in answers] == [tasks.predict(row).as_dict() for row in rows]


@pytest.mark.parametrize(
    ("name", "output"),
    [
        ("mean", LOGITS),
        ("maximum", LOGITS),
        ("number", LOGITS),
        ("one", LOGITS),
        ("noisy-or", LOGITS),
        ("names", TOKEN_LOGITS),
        ("span", TOKEN_LOGITS),
        ("vector", POOLED),
        ("mean", LAST_HIDDEN_STATE),
    ],
)
def test_a_long_text_gets_what_its_windows_get_by_themselves_joined_by_the_packs_rule(
    base: Base, tasks: Engine, name: str, output: str
) -> None:
    pack, text = packs_of(base)[name], document(60)
    row = Row(text, name)
    (whole,) = tasks._tokenizer.tokenize_windows([(text, None)], [Limit.of(pack.info)])
    parts = [tasks._runner.run([Request(row, pack, window, output)])[0].values for window in whole.windows]
    assert len(parts) >= 3
    rule = {
        "mean": mean,
        "vector": mean,
        "maximum": maximum,
        "number": maximum,
        "noisy-or": noisy_or,
        "one": noisy_or_of_one,
    }
    of_tokens = output in (TOKEN_LOGITS, LAST_HIDDEN_STATE)
    expected = by_offsets(whole, parts) if of_tokens else rule[name](parts).astype(np.float32)
    ask = {POOLED: tasks.embed, LAST_HIDDEN_STATE: tasks.hidden_states}.get(output, tasks.logits)
    assert ask([row])[0].tobytes() == expected.tobytes()


def test_a_text_that_fits_has_the_bits_it_has_without_windows(base: Base, tasks: Engine) -> None:
    rows = [Row(document(words, words), name) for name in packs_of(base) for words in (0, 1, 2)]
    plain = Engine(base, threads=1)
    for name, pack in packs_of(base).items():
        plain.install(name, replace(pack, info=replace(pack.info, windows=None)))
    for found, expected in zip(outputs(tasks, rows), outputs(plain, rows), strict=True):
        assert found.tobytes() == expected.tobytes()
    assert [a.as_dict() for a in tasks.predict(rows)] == [a.as_dict() for a in plain.predict(rows)]


def test_an_answer_says_when_windows_did_not_hold_the_text(tasks: Engine) -> None:
    long, fits = tasks.predict([Row(document(900), "mean"), Row(document(12), "mean")])
    assert (long.truncated, fits.truncated) == (True, False)
    assert tasks.predict(Row(document(12), "cut")).truncated


def test_characters_of_a_long_text_are_right_wherever_they_are(tasks: Engine) -> None:
    text = document(40)
    for answer in (tasks.predict(Row(text, "names")), tasks.predict(Row("who?", "span", text))):
        places = answer.entities if hasattr(answer, "entities") else [answer]
        assert places and all(text[place.start : place.end] == place.text for place in places)
    assert max(e.end for e in tasks.predict(Row(text, "names")).entities) > 150


def test_a_windowed_packs_canary_has_a_text_of_several_windows_and_notes_another_join(
    base: Base, tasks: Engine
) -> None:
    for name, pack in packs_of(base).items():
        made = parse_pack(serialize(make_canary(tasks, pack)))
        check_canary(tasks, made)
        assert made.canary is not None
        *others, (text, pair) = made.canary.texts
        if name == "cut":
            assert made.canary.texts == PROBES
            continue
        (found,) = tasks._tokenizer.tokenize_windows([(text, pair)], [Limit.of(pack.info)])
        assert tuple(others) == PROBES and len(found) > 1 and not found.text.truncated
        if name in ("mean", "maximum", "number"):
            other = Windows({"mean": "maximum"}.get(name, "mean"), 4, 8)
            with pytest.raises(CanaryError, match="to the bit"):
                check_canary(tasks, replace(made, info=replace(made.info, windows=other)))


def test_a_canary_has_no_long_text_where_that_is_cut_or_its_answer_would_fill_the_pack(base: Base) -> None:
    for labels, length, most, expected in ((9, 128, 8, 3), (40, 128, 8, 2), (2, 512, 8, 3), (2, 128, 1, 2)):
        pack = random_pack(base, 3, labels, task_type="token-classification")
        assert len(probes(windowed(pack, "offsets", 4, most, length).info)) == expected
    assert len(probes(windowed(random_pack(base, 1, 3), "mean", 4, 8, 512).info)[-1][0]) < 1100


def test_windows_count_as_rows_of_a_piece() -> None:
    assert Limit(16, 4, 32).most_windows(10_000) == 32
    assert Limit(16, 4, 32).most_windows(0) == Limit(16).most_windows(10_000) == 1


def test_no_more_is_read_of_a_text_than_windows_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer, read = Tokenizer(make_kind("bert-uncased")), []
    cut = WindowedText.cut.__func__

    def spy(cls: type, layout: Layout, first: object, second: object, limit: Limit) -> WindowedText:
        read.append(len(first.ids))
        return cut(cls, layout, first, second, limit)

    monkeypatch.setattr(WindowedText, "cut", classmethod(spy))
    tokenizer.tokenize_windows([("Ann met Bob in Oslo, " * 500_000, None)], [Limit(128, 32, 4)])
    assert read == [126 + 3 * 94 + 1]
