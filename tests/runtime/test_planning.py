"""Plans: which rows run together, and what is computed once."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from bitfit_runtime.levels import BASE, Levels
from bitfit_runtime.padding import Padding
from bitfit_runtime.planning import (
    HEAD_BYTES,
    LAYER,
    SMALL_HEAD_BYTES,
    WIDEST_OF_ONE_TEXT,
    WORK_OF_ONE_TEXT,
    Batch,
    Leaf,
    Planner,
)

HIDDEN = 384
PLAIN = Levels((0,), (6,), ((),))


def levels(layers: int, *branches: int) -> Levels:
    ends = (*branches, layers)
    return Levels((0, *branches), tuple(e - s for s, e in zip((0, *branches), ends, strict=True)), ((),) * len(ends))


def leaf(text: int, length: int, parts: Levels, start: int = 0, pack: int = 0, labels: int = 2) -> Leaf:
    """A request whose pack, `pack`, has biases from layer `start` on; there are none where it begins above the top."""
    own = bytes([1, *pack.to_bytes(15, "big")])
    ends = (*parts.starts[1:], sum(parts.layers) + 1)
    biases = tuple(own if start < end else BASE for end in ends)
    return Leaf.of(text.to_bytes(4, "big"), length, biases, own, labels)


def planner(parts: Levels, batch_size: int = 32, max_tokens: int = 512, multiple: int = 1) -> Planner:
    return Planner(parts, Padding(multiple, 512), HIDDEN, batch_size, max_tokens, WIDEST_OF_ONE_TEXT * max_tokens)


def counts(batch: Batch) -> list[int]:
    return [len(level.requests) for level in batch.levels]


@given(st.lists(st.integers(1, 512), max_size=80), st.integers(1, 40), st.integers(1, 5000))
def test_batches_of_different_texts_hold_every_row_once_and_respect_both_limits(
    lengths: list[int], size: int, tokens: int
) -> None:
    leaves = [leaf(text, length, PLAIN) for text, length in enumerate(lengths)]
    batches = planner(PLAIN, size, tokens).plan(leaves)
    assert sorted(row for batch in batches for row in batch.rows) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch.rows) <= size
        assert len(batch.rows) == 1 or max(lengths[row] for row in batch.rows) * len(batch.rows) <= tokens


@given(
    st.lists(st.integers(1, 130), max_size=80), st.integers(1, 40), st.integers(1, 2000), st.sampled_from([1, 4, 16])
)
def test_no_row_shares_a_batch_whose_width_would_change_it(
    lengths: list[int], size: int, tokens: int, multiple: int
) -> None:
    padding = Padding(multiple, 130)
    leaves = [leaf(text, length, PLAIN) for text, length in enumerate(lengths)]
    batches = Planner(PLAIN, padding, HIDDEN, size, tokens, 4 * tokens).plan(leaves)
    assert sorted(row for batch in batches for row in batch.rows) == list(range(len(lengths)))
    for batch in batches:
        width = batch.width
        assert len(batch.rows) <= size and (len(batch.rows) == 1 or width * len(batch.rows) <= tokens)
        assert max(lengths[row] for row in batch.rows) <= width <= 130
        assert width % multiple == 0 or {padding.width(lengths[row]) for row in batch.rows} == {130}


def test_eight_tasks_about_a_text_are_one_row_up_to_where_they_begin() -> None:
    parts = levels(12, 4, 8, 12)
    batches = planner(parts).plan([leaf(0, 16, parts, start=8, pack=pack) for pack in range(8)])
    assert [counts(batch) for batch in batches] == [[1, 1, 8, 8]]
    assert batches[0].levels[2].below == (0,) * 8 and batches[0].levels[3].below == tuple(range(8))


def test_starts_of_several_heights_make_a_tree() -> None:
    parts = levels(12, 4, 6, 8, 10, 12)
    starts = (4, 6, 8, 8, 10, 99)  # the last one is a head alone
    (batch,) = planner(parts).plan([leaf(0, 16, parts, start, pack) for pack, start in enumerate(starts)])
    assert counts(batch) == [1, 2, 3, 5, 6, 6]
    for request, row in batch.rows.items():  # each request's way down ends at its text
        for level in batch.levels[:0:-1]:
            row = level.below[row]
        assert batch.levels[0].requests[row] in range(6) and row == 0, request


def test_equal_rows_are_one_and_a_start_without_a_branch_point_shares_nothing() -> None:
    parts = levels(6)
    (batch,) = planner(parts).plan([leaf(0, 9, parts, pack=1)] * 5 + [leaf(0, 9, parts, start=5, pack=2)] * 3)
    assert counts(batch) == [2]
    assert Counter(batch.rows.values()) == {0: 5, 1: 3}


def test_rows_of_one_text_stay_together_in_a_larger_batch() -> None:
    parts = levels(6, 3)
    # 4.5 rows of 128 tokens are more than 512.
    (batch,) = planner(parts).plan([leaf(0, 128, parts, start=3, pack=pack) for pack in range(8)])
    assert counts(batch) == [1, 8]
    batches = planner(parts).plan([leaf(0, 128, parts, start=0, pack=pack) for pack in range(8)])
    assert [counts(batch) for batch in batches] == [[4, 4], [4, 4]]  # nothing is shared


def test_a_long_text_with_many_tasks_is_cut_into_few_batches_of_bounded_width() -> None:
    parts = levels(12, 8)
    batches = planner(parts).plan([leaf(0, 512, parts, start=8, pack=pack) for pack in range(8)])
    assert [counts(batch) for batch in batches] == [[1, 4], [1, 4]]


def test_heads_of_very_different_sizes_are_in_different_batches() -> None:
    sizes = (2, 20000, 3, 77, 150, 20000)
    leaves = [leaf(text, 16, PLAIN, pack=text, labels=labels) for text, labels in enumerate(sizes)]
    batches = planner(PLAIN).plan(leaves)
    assert [sorted(sizes[row] for row in batch.rows) for batch in batches] == [[2, 3, 77, 150], [20000], [20000]]


@st.composite
def forests(draw: st.DrawFn) -> tuple[Levels, list[Leaf], Planner]:
    layers = draw(st.integers(1, 12))
    parts = levels(layers, *sorted(draw(st.sets(st.integers(1, layers), max_size=5))))
    texts = draw(st.lists(st.integers(1, 300), min_size=1, max_size=6))
    packs = draw(st.lists(st.tuples(st.integers(0, layers + 1), st.sampled_from([1, 2, 77, 900, 20000])), min_size=1))
    rows = draw(st.lists(st.tuples(st.integers(0, len(texts) - 1), st.integers(0, len(packs) - 1)), max_size=60))
    leaves = [leaf(text, texts[text], parts, packs[pack][0], pack, packs[pack][1]) for text, pack in rows]
    size, tokens, multiple = draw(st.integers(1, 40)), draw(st.integers(1, 2000)), draw(st.sampled_from([1, 4]))
    return parts, leaves, planner(parts, size, tokens, multiple)


@given(forests())
def test_every_row_continues_rows_of_its_own_text_and_biases_and_limits_hold(
    forest: tuple[Levels, list[Leaf], Planner],
) -> None:
    parts, leaves, plans = forest
    batches = plans.plan(leaves)
    assert sorted(request for batch in batches for request in batch.rows) == list(range(len(leaves)))
    full = sum(parts.layers) * LAYER + 1
    for batch in batches:
        for level, rows in enumerate(batch.levels):
            below = len(batch.levels[level - 1].requests) if level else 1
            assert all(0 <= row < below for row in rows.below)  # no index is negative or too large
            keys = [(leaves[request].text, leaves[request].keys[level]) for request in rows.requests]
            assert len(set(keys)) == len(keys)  # nothing is computed twice
        for request, row in batch.rows.items():
            for level in reversed(range(len(parts))):
                computed = leaves[batch.levels[level].requests[row]]
                assert computed.text == leaves[request].text
                assert computed.keys[level] == leaves[request].keys[level]
                row = batch.levels[level].below[row]
        found = counts(batch)
        tokens = max(plans.max_tokens, batch.width)
        work = sum(LAYER * count * layers for count, layers in zip(found, parts.layers, strict=True)) + found[-1]
        labels = max(leaves[request].labels for request in batch.rows)
        if found[-1] > 1:
            assert work <= WORK_OF_ONE_TEXT * full * plans.batch_size
            assert work * batch.width <= WORK_OF_ONE_TEXT * full * tokens
            assert plans.widest(found) * batch.width <= plans.most_tokens
            assert found[-1] * labels * HIDDEN * 4 <= HEAD_BYTES
        small = min(leaves[request].labels for request in batch.rows)
        assert labels <= max(4 * small, SMALL_HEAD_BYTES // 4 // HIDDEN)
