"""Decisions: packs carry them, readers check them, answers follow them."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bitfit_runtime import Base, Engine, LabelSet, Pack, Prediction, Row
from bitfit_runtime.decisions import Acceptance, Decisions, Outliers
from bitfit_runtime.errors import PackFormatError
from bitfit_runtime.formats import Windows, parse_pack, serialize
from bitfit_runtime.formats.pack_encoding import decode_centres, encode_centres
from bitfit_runtime.formats.schema import CENTRES
from bitfit_runtime.graph import HEAD_BIAS, LOGITS, POOLED
from bitfit_runtime.levels import Identity
from bitfit_runtime.outliers import direction, outlier_score, unsureness
from bitfit_runtime.tasks.base import MEAN, softmax
from support.packs import random_pack

TEXTS = ["a", "some words of a text", "", "and a much longer text than the others", "ok?"]
SHARES = st.floats(0, 1)
ACCEPTANCES = st.builds(Acceptance, SHARES, SHARES, SHARES)
OUTLIERS = st.builds(Outliers, st.floats(-1e9, 1e9), SHARES, st.just(LOGITS), st.floats(0, 1e6))
DECISIONS = st.builds(
    Decisions,
    rows=st.integers(1, 1 << 53),
    temperature=st.floats(1e-3, 1e3),
    acceptance=st.none() | ACCEPTANCES,
    outliers=st.none() | OUTLIERS,
)


def with_decisions(pack: Pack, decisions: Decisions, seed: int = 0) -> Pack:
    """The pack with these decisions, and class centres of random values where they tell outliers."""
    tensors, labels = dict(pack.tensors), len(pack.info.labels)
    if decisions.outliers is not None:
        hidden = tensors["head.weight"].size // labels
        width = labels if decisions.outliers.space == LOGITS else hidden
        centres = np.random.default_rng(seed).standard_normal((labels, width)).astype(np.float32)
        tensors[CENTRES] = encode_centres(centres)
    return Pack(replace(pack.info, decisions=decisions), tensors)


def altered(pack: Pack, **fields: Any) -> bytes:
    """The file of a pack, with fields of its decisions replaced, or left out where they are None."""
    data = serialize(pack)
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    document = json.loads(header["__metadata__"]["bitfit"])
    changed = document["decisions"] | fields
    document["decisions"] = {name: value for name, value in changed.items() if value is not None}
    header["__metadata__"]["bitfit"] = json.dumps(document)
    table = json.dumps(header).encode()
    return len(table).to_bytes(8, "little") + table + data[8 + length :]


@settings(max_examples=60)
@given(decisions=DECISIONS, labels=st.integers(2, 9), seed=st.integers(0, 1000))
def test_decisions_read_back_as_they_were_written(base: Base, decisions: Decisions, labels: int, seed: int) -> None:
    pack = with_decisions(random_pack(base, labels=labels), decisions, seed)
    back = parse_pack(serialize(pack))
    assert back.info == pack.info
    assert serialize(back) == serialize(pack)
    found = back.centres(base.manifest.hidden_size)
    assert (found is None) == (decisions.outliers is None)
    if found is not None:
        assert found.shape == (labels, labels)
        np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, rtol=1e-6)


def test_only_packs_with_decisions_have_the_schema_that_knows_them(base: Base) -> None:
    plain = random_pack(base)
    assert b'schema_version\\": 1' in serialize(plain) and b"decisions" not in serialize(plain)
    content = serialize(with_decisions(plain, Decisions(100)))
    assert b'schema_version\\": 3' in content
    with pytest.raises(PackFormatError, match="schema version 2 has no field 'decisions'"):
        parse_pack(content.replace(b'schema_version\\": 3', b'schema_version\\": 2'))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"rows": 0}, "at least 1 row"),
        ({"rows": None}, "'rows' is missing"),
        ({"rows": 2.5}, "'rows' should be int"),
        ({"temperature": 0}, "temperature should be 0.001 to 1000, found 0"),
        ({"temperature": float("nan")}, "finite"),
        ({"temperature": "1"}, "'temperature' should be float"),
        ({"thresholds": [0.5, 0.5]}, "type classification has no thresholds"),
        ({"acceptance": {"threshold": 1.5, "max_error": 0.05, "coverage": 0.5}}, "threshold should be 0 to 1"),
        ({"acceptance": {"threshold": 0.5, "coverage": 0.5}}, "'max_error' is missing"),
        ({"acceptance": []}, "'acceptance' should be dict"),
        ({"outliers": None}, "should not hold the tensor outlier"),
        (
            {"outliers": {"threshold": 1, "false_alarms": 0.1, "space": "tokens", "weight": 0}},
            "'space' should be one of",
        ),
        ({"outliers": {"threshold": 1, "false_alarms": 0.1, "space": "pooled", "weight": -1}}, "weight should be 0 to"),
    ],
)
def test_malformed_decisions_are_refused_by_name(base: Base, fields: dict[str, Any], message: str) -> None:
    pack = with_decisions(random_pack(base), Decisions(100, 1.0, None, None, Outliers(0.0, 0.05, LOGITS, 1.0)))
    with pytest.raises(PackFormatError, match=message):
        parse_pack(altered(pack, **fields))


@pytest.mark.parametrize(
    ("task_type", "labels", "fields", "message"),
    [
        ("regression", 1, {}, "type regression has no decisions"),
        ("embedding", 0, {}, "type embedding has no decisions"),
        ("span", 2, {"thresholds": [0.5, 0.5]}, "type span has no thresholds"),
        ("multi-label", 3, {"thresholds": [0.5, 0.5]}, "thresholds should be 3 numbers"),
        ("multi-label", 2, {"thresholds": [0.5, 1.5]}, "thresholds should be 2 numbers"),
    ],
)
def test_a_task_type_has_its_own_decisions_alone(
    base: Base, task_type: str, labels: int, fields: dict[str, Any], message: str
) -> None:
    pack = random_pack(base, labels=labels, task_type=task_type)
    if labels == 2 and task_type == "span":
        pack = replace(pack, info=replace(pack.info, labels=("start", "end")))
    with pytest.raises(PackFormatError, match=message):
        parse_pack(altered(with_decisions(pack, Decisions(100)), **fields))


def test_class_centres_of_another_size_are_refused_when_the_pack_is_installed(base: Base, engine: Engine) -> None:
    good = with_decisions(random_pack(base, labels=3), Decisions(9, outliers=Outliers(0.0, 0.05, POOLED)))
    engine.install("good", good)
    short = replace(good, tensors={**good.tensors, CENTRES: encode_centres(np.ones((3, 5), np.float32))})
    with pytest.raises(PackFormatError, match=r"outlier\.centres should inflate to"):
        engine.install("short", short)
    many = with_decisions(random_pack(base, labels=1100), Decisions(9, outliers=Outliers(0.0, 0.05, LOGITS)))
    with pytest.raises(PackFormatError, match="1100 class centres"):
        engine.install("many", many)


def test_a_centre_keeps_its_direction_in_few_bits_and_an_empty_one_is_zero() -> None:
    centres = np.array([[1, -2, 0.5], [0, 0, 0], [1e-8, 0, 0]], np.float32)
    found = decode_centres(encode_centres(centres), 3, 3)
    assert found[0] @ centres[0] / np.linalg.norm(centres[0]) > 0.99
    assert found[1].tolist() == [0, 0, 0] and found[2].tolist() == [1, 0, 0]


@pytest.mark.parametrize("space", [LOGITS, POOLED])
def test_answers_follow_the_decisions_in_a_mixed_batch_as_alone_to_the_bit(
    base: Base, engine: Engine, space: str
) -> None:
    for i in range(6):
        outliers = Outliers(-0.3, 0.05, space, 2.0) if i % 2 else None
        decisions = Decisions(100, 0.5 + i, None, Acceptance(0.4, 0.05, 0.5), outliers)
        plain = random_pack(base, seed=i, labels=2 + i)
        engine.install(f"plain{i}", plain)
        engine.install(f"t{i}", with_decisions(plain, decisions, i))
    rows = [Row(text, f"t{i}") for i in range(6) for text in TEXTS]
    together = engine.predict(rows)
    assert together == [engine.predict(row) for row in rows]
    for row, answer in zip(rows, together, strict=True):
        assert isinstance(answer, Prediction) and row.task is not None
        decisions = engine.tasks[row.task].decisions
        (logits,) = engine.logits(row)
        np.testing.assert_array_equal(engine.logits(Row(row.text, row.task.replace("t", "plain")))[0], logits)
        expected = softmax(logits, decisions.temperature if decisions else 0)
        assert answer.probabilities == tuple(expected.tolist())
        assert (answer.outlier is None) == (decisions is None or decisions.outliers is None)
        assert answer.accepted == (answer.probability >= 0.4 and (answer.outlier is None or answer.outlier <= -0.3))
        assert answer.as_dict().keys() >= {"accepted"} and ("outlier" in answer.as_dict()) == (
            answer.outlier is not None
        )
        assert answer.summary().endswith("(not accepted)") != answer.accepted
    plain = engine.predict("a", "plain0", expect=Prediction)
    assert (plain.accepted, plain.outlier) == (None, None) and plain.as_dict().keys() == {"label", "probability"}


def test_an_outlier_is_refused_where_no_threshold_accepts_anything() -> None:
    decisions = Decisions(100, outliers=Outliers(1.0, 0.05, LOGITS))
    assert [decisions.accepts(0.9, score) for score in (0.5, 1.0, 1.5, None)] == [None, None, False, None]


def test_the_labels_of_a_set_are_chosen_by_their_thresholds(base: Base, engine: Engine) -> None:
    pack = random_pack(base, labels=4, task_type="multi-label")
    thresholds = (0.0, 1.0, 0.25, 0.75)
    engine.install("plain", pack)
    engine.install("own", with_decisions(pack, Decisions(100, 2.0, thresholds)))
    for text in TEXTS:
        one, plain = engine.predict(text, "own", expect=LabelSet), engine.predict(text, "plain", expect=LabelSet)
        softened = 1 / (1 + np.exp(-engine.logits(text, "own")[0].astype(np.float64) / 2))
        assert one.probabilities == tuple(softened.tolist())
        assert one.chosen == tuple(
            label for label, p, least in zip(one.labels, one.probabilities, thresholds, strict=True) if p >= least
        )
        assert plain.thresholds is None
        assert plain.chosen == tuple(n for n, p in zip(plain.labels, plain.probabilities, strict=True) if p >= 0.5)


def test_labels_that_are_surely_wrong_have_the_probability_0(base: Base, engine: Engine) -> None:
    pack = random_pack(base, labels=2, task_type="multi-label")
    far = pack.tensors[HEAD_BIAS] + np.array([-2000, 2000], np.float32)
    engine.install("far", replace(pack, tensors=pack.tensors | {HEAD_BIAS: far}))
    (found,) = engine.predict(["a text"], task="far")
    assert isinstance(found, LabelSet) and found.probabilities == (0.0, 1.0)


def test_the_joined_output_of_windows_is_decided_on(base: Base, engine: Engine) -> None:
    decisions = Decisions(100, 3.0, None, Acceptance(0.5, 0.05, 0.5), Outliers(-0.5, 0.05, POOLED))
    pack = with_decisions(random_pack(base, labels=3), decisions)
    info = replace(pack.info, max_length=12, windows=Windows(MEAN, 2, 4))
    engine.install("long", Pack(info, pack.tensors))
    text = " ".join(["a word and another one"] * 6)
    answer = engine.predict(text, "long", expect=Prediction)
    (logits,), (pooled,) = engine.logits(text, "long"), engine.embed(text, "long")
    centres = pack.centres(base.manifest.hidden_size)
    assert centres is not None and decisions.outliers is not None
    assert answer.outlier == outlier_score(decisions.outliers, centres, logits, pooled, 3.0)
    assert answer.probabilities == tuple(softmax(logits, 3.0).tolist())


def test_packs_that_differ_in_their_centres_alone_share_all_layers(base: Base) -> None:
    one, other = (
        with_decisions(random_pack(base), Decisions(9, outliers=Outliers(0.0, 0.05, LOGITS)), seed) for seed in (1, 2)
    )
    assert one.tensors[CENTRES].tobytes() != other.tensors[CENTRES].tobytes()
    assert Identity.of(one, base.manifest) == Identity.of(other, base.manifest)


def test_scores_grow_with_distance_and_with_doubt() -> None:
    centres = np.eye(3, dtype=np.float32) - np.float32(1 / 3)
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    outliers = Outliers(0.0, 0.05, LOGITS, 5.0)
    sure, torn, flat = (np.array(values, np.float32) for values in ([9, 0, 0], [9, 9, 0], [0, 0, 0]))
    scores = [outlier_score(outliers, centres, logits, None, 1.0) for logits in (sure, torn, flat)]
    assert scores == sorted(scores) and len(set(scores)) == 3
    assert unsureness(sure, 1.0) < unsureness(sure, 2.0) < unsureness(flat, 1.0)
    huge = np.array([3e38, -3e38, 0], np.float32)
    assert np.isfinite(outlier_score(outliers, centres, huge, None, 1e-3))
    assert direction(np.zeros(3, np.float32), POOLED).tolist() == [0, 0, 0]
