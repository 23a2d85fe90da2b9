"""Transitions of tags: the likeliest path against all paths, and packs that declare them."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bitfit_runtime import Pack, PackInfo, Row
from bitfit_runtime.errors import PackFormatError
from bitfit_runtime.formats import parse_pack, serialize
from bitfit_runtime.tasks import TASK_TYPES, HeadOutput
from bitfit_runtime.tokenized_text import TokenizedText
from bitfit_runtime.transitions import (
    LARGEST_SCORE,
    allowed,
    chain_scores,
    likeliest_tags,
    log_probabilities,
    tag_probabilities,
)

LABELS = ("O", "B-a", "I-a", "B-b", "I-b")
COUNT = len(LABELS)
SCORES = hnp.arrays(np.float16, (COUNT + 1, COUNT), elements=st.floats(-LARGEST_SCORE, LARGEST_SCORE, width=16))
LOGITS = hnp.arrays(
    np.float32,
    st.tuples(st.integers(1, 4), st.just(COUNT)),
    elements=st.floats(-30, 30, width=32, allow_subnormal=False),
)
EXTREME = hnp.arrays(
    np.float32,
    st.tuples(st.integers(1, 7), st.just(COUNT)),
    elements=st.sampled_from([-3e38, -900.0, 0.0, 900.0]),
)
INFO = PackInfo(
    "sha256:0", "b", "t", "token-classification", LABELS, "mean", 16, (), encoding="float32", transitions="learned"
)


def all_paths(words: np.ndarray, scores: np.ndarray) -> dict[tuple[int, ...], float]:
    """Every path, and its score."""
    found = {}
    for path in itertools.product(range(COUNT), repeat=len(words)):
        score = scores[COUNT, path[0]] + words[0, path[0]]
        for index in range(1, len(words)):
            score += scores[path[index - 1], path[index]] + words[index, path[index]]
        found[path] = float(score)
    return found


@settings(deadline=None, max_examples=40)
@given(LOGITS, SCORES)
def test_the_likeliest_path_is_the_best_of_all(logits: np.ndarray, learned: np.ndarray) -> None:
    words, scores = log_probabilities(logits), chain_scores(LABELS, learned.astype(np.float32))
    paths = all_paths(words, scores)
    found = tuple(likeliest_tags(words, scores).tolist())
    assert paths[found] == pytest.approx(max(paths.values()), rel=1e-9, abs=1e-6)


@settings(deadline=None, max_examples=40)
@given(LOGITS, SCORES)
def test_probabilities_are_sums_over_all_paths(logits: np.ndarray, learned: np.ndarray) -> None:
    words, scores = log_probabilities(logits), chain_scores(LABELS, learned.astype(np.float32))
    paths = all_paths(words, scores)
    largest = max(paths.values())
    expected = np.zeros_like(words)
    for path, score in paths.items():
        expected[range(len(words)), path] += np.exp(score - largest)
    expected /= expected.sum(-1, keepdims=True)
    np.testing.assert_allclose(tag_probabilities(words, scores), expected, atol=1e-9)


@settings(deadline=None)
@given(EXTREME, SCORES)
def test_any_logits_give_a_legal_path_and_finite_probabilities(logits: np.ndarray, learned: np.ndarray) -> None:
    words, scores = log_probabilities(logits), chain_scores(LABELS, learned.astype(np.float32))
    path, may_follow = likeliest_tags(words, scores).tolist(), allowed(LABELS)
    assert all(may_follow[before, tag] for before, tag in zip([COUNT, *path], path, strict=False))
    probabilities = tag_probabilities(words, scores)
    assert np.isfinite(probabilities).all()
    np.testing.assert_allclose(probabilities.sum(-1), 1)


def test_inside_follows_its_own_begin_and_inside_alone() -> None:
    may_follow = allowed(LABELS)
    assert [LABELS[before] for before in np.flatnonzero(may_follow[:COUNT, 2])] == ["B-a", "I-a"]
    assert not may_follow[COUNT, 2] and may_follow[:, [0, 1, 3]].all()


def answer(best: list[str], scores: np.ndarray | None, second: dict[int, str] | None = None) -> list[tuple[str, str]]:
    """The entities of "w0 w1 …" whose words have these likeliest tags, with a tag that is almost as likely for some."""
    text = " ".join(f"w{index}" for index in range(len(best)))
    offsets = np.array([[match * 3, match * 3 + 2] for match in range(len(best))], np.int32)
    ids = np.arange(len(best), dtype=np.int32)
    tokens = TokenizedText(ids, np.zeros(len(best), np.uint8), offsets, (range(len(best)), range(0)), (False, False))
    logits = np.zeros((len(best), COUNT), np.float32)
    for index, tag in enumerate(best):
        logits[index, LABELS.index(tag)] = 9
    for index, tag in (second or {}).items():
        logits[index, LABELS.index(tag)] = 8
    output = HeadOutput("t", LABELS, Row(text), logits, tokens, transitions=scores)
    return [(one.label, one.text) for one in TASK_TYPES["token-classification"].postprocess(output).entities]


def test_legal_tags_mend_what_words_alone_would_break() -> None:
    legal = np.zeros((COUNT + 1, COUNT), np.float32)
    broken, second = ["B-a", "I-b", "I-a"], {1: "I-a"}
    assert answer(broken, None, second) == [("a", "w0"), ("b", "w1"), ("a", "w2")]
    assert answer(broken, legal, second) == [("a", "w0 w1 w2")]
    assert answer(["O", "O"], legal) == answer([], legal) == []


def test_learned_scores_decide_where_words_hesitate() -> None:
    learned = np.zeros((COUNT + 1, COUNT), np.float32)
    best, second = ["B-a", "O"], {1: "I-a"}
    assert answer(best, learned, second) == [("a", "w0")]
    learned[LABELS.index("B-a"), LABELS.index("I-a")] = 2
    assert answer(best, learned, second) == [("a", "w0 w1")]


def test_all_tokens_of_a_word_speak_for_it_where_the_pack_says_so() -> None:
    """Of "ab c" the word "ab" has two tokens, the second of which is surer, and a special token stands behind both."""
    offsets = np.array([[0, 0], [0, 1], [1, 2], [3, 4], [0, 0]], np.int32)
    ids = np.arange(5, dtype=np.int32)
    tokens = TokenizedText(ids, np.zeros(5, np.uint8), offsets, (range(1, 4), range(0)), (False, False))
    logits = np.zeros((5, COUNT), np.float32)
    logits[1, 0], logits[2, 1], logits[3, 0], logits[4, 3] = 1, 3, 1, 90
    said = []
    for words in (None, "mean"):
        output = HeadOutput("t", LABELS, Row("ab c"), logits, tokens, words=words)
        said.append(TASK_TYPES["token-classification"].postprocess(output).entities)
    assert said[0] == ()
    [found] = said[1]
    mean = np.exp([0.5, 1.5, 0, 0, 0])
    assert (found.label, found.text) == ("a", "ab") and found.probability == pytest.approx(mean[1] / mean.sum())


def learned_pack(scores: np.ndarray, **changes: object) -> Pack:
    head = {"head.weight": np.zeros(COUNT * 2, np.float32), "head.bias": np.zeros(COUNT, np.float32)}
    return Pack(replace(INFO, **changes), head | {"transitions": scores.ravel()})  # type: ignore[arg-type]


@settings(deadline=None, max_examples=20)
@given(SCORES)
def test_a_pack_keeps_its_transitions(scores: np.ndarray) -> None:
    back = parse_pack(serialize(learned_pack(scores)))
    assert back.info == INFO and back.transitions is not None
    np.testing.assert_array_equal(back.transitions, scores.astype(np.float32))


def test_only_packs_with_transitions_have_the_new_schema() -> None:
    scores = np.zeros((COUNT + 1, COUNT), np.float16)
    assert b'schema_version\\": 3' in serialize(learned_pack(scores))
    plain = learned_pack(scores, transitions=None)
    old = Pack(plain.info, {name: tensor for name, tensor in plain.tensors.items() if name != "transitions"})
    assert b'schema_version\\": 1' in serialize(old) and b"transitions" not in serialize(old)
    assert parse_pack(serialize(old)).transitions is None


@pytest.mark.parametrize(
    ("changes", "scores", "message"),
    [
        ({}, np.zeros(29, np.float16), "should have 30 elements for 5 labels, found 29"),
        ({}, np.full(30, 21, np.float16), "at most 20"),
        ({}, np.zeros(30, np.float32), "should be a vector of float16"),
        ({"transitions": "legal"}, np.zeros(30, np.float16), "should not hold the tensor transitions"),
        ({"transitions": "other"}, np.zeros(30, np.float16), "one of legal, learned"),
        ({"task_type": "classification"}, np.zeros(30, np.float16), "a classification task has no transitions"),
        ({"labels": ("O", "B-a", "I-a", "B-b", "I-c")}, np.zeros(30, np.float16), "found 'I-c'"),
        ({"labels": ("O", "B-a", "I-a", "b", "c")}, np.zeros(30, np.float16), "found 'b'"),
        ({"labels": tuple(f"B-{index}" for index in range(513))}, np.zeros(30, np.float16), "at most 512 labels"),
    ],
)
def test_transitions_that_fit_nothing_are_refused(changes: dict[str, object], scores: np.ndarray, message: str) -> None:
    with pytest.raises(PackFormatError, match=message):
        parse_pack(serialize(learned_pack(scores, **changes)))


def test_words_are_declared_by_packs_of_tags_alone() -> None:
    scores = np.zeros((COUNT + 1, COUNT), np.float16)
    pack = learned_pack(scores, words="mean")
    assert parse_pack(serialize(pack)).info.words == "mean"
    assert parse_pack(serialize(learned_pack(scores))).info.words is None
    with pytest.raises(PackFormatError, match="a classification task has no words"):
        parse_pack(serialize(learned_pack(scores, words="mean", task_type="classification", transitions=None)))
    with pytest.raises(PackFormatError, match="one of mean"):
        parse_pack(serialize(learned_pack(scores, words="last")))


def test_scores_that_are_no_numbers_are_refused() -> None:
    content = serialize(learned_pack(np.full((COUNT + 1, COUNT), 4.2, np.float16)))
    with pytest.raises(PackFormatError, match="not finite"):
        parse_pack(content.replace(np.float16(4.2).tobytes(), np.float16(np.nan).tobytes()))


def test_an_older_schema_has_no_transitions() -> None:
    content = serialize(learned_pack(np.zeros((COUNT + 1, COUNT), np.float16)))
    with pytest.raises(PackFormatError, match="schema version 2 has no field 'transitions'"):
        parse_pack(content.replace(b'schema_version\\": 3', b'schema_version\\": 2'))
