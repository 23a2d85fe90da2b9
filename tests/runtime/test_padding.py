"""Padding on processors whose sums depend on a row's width: found by the probe, and kept from every answer."""

from typing import Any

import numpy as np
import onnx
import pytest

import bitfit_runtime.padding as padding_module
from bitfit_runtime import Base, Engine
from bitfit_runtime.graph import INPUT_IDS
from bitfit_runtime.padding import PROBE, Padding, padding_multiple
from bitfit_runtime.self_test import full_test
from support.widths import WidthSensitive, let_widths_be_multiples_of

LENGTHS = (3, 4, 5, 6, 9, 30, 127, 128, 129, 130)  # in a base of 130 tokens, which is no multiple of 4


def softmax_by(lanes: int) -> type:
    """A stand-in for ONNX Runtime whose softmax adds vectors of `lanes` terms, and what is left over one by one."""

    class Session:
        def __init__(self, *_: object, **__: object) -> None: ...

        def run(self, _: None, feeds: dict[str, np.ndarray]) -> list[np.ndarray]:
            terms = np.exp(feeds["x"] - feeds["x"].max(1, keepdims=True))
            whole = terms.shape[1] // lanes * lanes
            vectors = np.add.accumulate(terms[:, :whole].reshape(len(terms), -1, lanes), axis=1)
            total = vectors[:, -1].sum(1) if whole else np.zeros(len(terms), np.float32)
            for left in terms[:, whole:].T:
                total = total + left
            return [terms / total[:, None]]

    return Session


def test_the_probe_is_a_softmax_over_the_last_axis() -> None:
    model = onnx.load_from_string(PROBE)
    onnx.checker.check_model(model)
    (node,) = model.graph.node
    assert (node.op_type, list(node.attribute)) == ("Softmax", [])


@pytest.mark.parametrize("lanes", [1, 2, 4, 8, 16])
def test_the_probe_finds_in_how_many_lanes_a_processor_adds(monkeypatch: pytest.MonkeyPatch, lanes: int) -> None:
    monkeypatch.setattr(padding_module.ort, "InferenceSession", softmax_by(lanes))
    assert padding_multiple.__wrapped__() == lanes


def test_widths_are_multiples_up_to_the_longest_input() -> None:
    padding = Padding(4, 130)
    assert [padding.width(length) for length in LENGTHS] == [4, 4, 8, 8, 12, 32, 128, 128, 130, 130]
    assert [Padding(1, 130).width(length) for length in LENGTHS] == list(LENGTHS)
    assert padding.fits(128, 128) and padding.fits(3, 128) and padding.fits(129, 130)
    assert not padding.fits(128, 130) and Padding(1, 130).fits(128, 130)


@pytest.mark.parametrize(("multiple", "same"), [(1, False), (4, True)])
def test_a_mixed_list_equals_its_rows_alone_where_bits_depend_on_widths(
    base: Base, monkeypatch: pytest.MonkeyPatch, multiple: int, same: bool
) -> None:
    let_widths_be_multiples_of(monkeypatch, multiple)
    engine = Engine(base, threads=1, max_batch_tokens=5000)
    engine._session = WidthSensitive(engine._session)
    texts = [" ".join(["a"] * (length - 2)) for length in LENGTHS]
    mixed = engine.hidden_states(texts)
    assert [len(states) for states in mixed] == list(LENGTHS)
    alone = [engine.hidden_states(text)[0] for text in texts]
    assert all(np.array_equal(a, b) for a, b in zip(mixed, alone, strict=True)) is same


def test_the_self_test_and_the_fingerprint_follow_the_multiple(base: Base, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(base, threads=1)
    widths: list[int] = []

    class Recording:
        def run(self, names: list[str], feeds: dict[str, Any]) -> Any:
            widths.append(feeds[INPUT_IDS].shape[1])
            return session.run(names, feeds)

    session, engine._session = engine._session, Recording()
    plain = engine.kernel_fingerprint
    let_widths_be_multiples_of(monkeypatch, 4)
    full_test(engine._session, base.manifest, base.default_biases)
    other = Engine(base, threads=1)
    assert other.kernel_fingerprint != plain  # although these kernels give the same bits: lists are padded otherwise
    assert widths == [6, 61, 8, 8]


def test_this_machine_was_probed_once_and_for_real(base: Base) -> None:
    assert Engine(base, threads=1)._padding == Padding(padding_multiple(), base.manifest.max_length)
    assert padding_multiple() in (1, 4)
