from dataclasses import replace

import numpy as np
import onnxruntime as ort
import pytest

from bitfit_runtime import Base, Engine, Pack, Row
from bitfit_runtime.canary import check_canary, make_canary
from bitfit_runtime.errors import CanaryError, PackFormatError
from bitfit_runtime.formats import parse_pack, serialize
from support.packs import random_pack

OTHER_KERNELS = "0" * 16
TYPES = {"classification": 3, "regression": 1, "token-classification": 5, "span": 2, "embedding": 0}


def typed_pack(base: Base, task_type: str) -> Pack:
    return random_pack(base, labels=TYPES[task_type], task_type=task_type)


def altered(pack: Pack, by: float, kernels: str | None = None) -> Pack:
    assert pack.canary is not None
    expected = pack.canary.expected * np.float32(1 + by)
    return replace(
        pack,
        canary=replace(pack.canary, expected=expected, kernel_fingerprint=kernels or pack.canary.kernel_fingerprint),
    )


@pytest.mark.parametrize("task_type", TYPES)
def test_a_canary_survives_the_file_and_holds_to_the_bit_for_every_task_type(
    base: Base, engine: Engine, task_type: str
) -> None:
    pack = make_canary(engine, typed_pack(base, task_type))
    back = parse_pack(serialize(pack))
    assert pack.canary is not None and back.canary is not None
    assert (back.canary.texts, back.canary.kernel_fingerprint) == (pack.canary.texts, engine.kernel_fingerprint)
    np.testing.assert_array_equal(back.canary.expected, pack.canary.expected)
    check_canary(Engine(base, threads=2, batch_size=1), back)


def test_the_expected_numbers_are_what_the_installed_task_answers(base: Base, engine: Engine) -> None:
    pack = make_canary(engine, random_pack(base), [("a text", None), ("one", "another")])
    assert not engine.tasks
    engine.install("t", pack)
    assert pack.canary is not None
    answers = [*engine.logits("a text", "t"), *engine.logits([Row("one", "t", "another")])]
    np.testing.assert_array_equal(pack.canary.expected, np.concatenate(answers))


def test_one_bit_off_fails_on_the_same_kernels_and_passes_on_others(base: Base, engine: Engine) -> None:
    pack = make_canary(engine, random_pack(base))
    with pytest.raises(CanaryError, match="to the bit"):
        check_canary(engine, altered(pack, 1e-6))
    check_canary(engine, altered(pack, 1e-6, OTHER_KERNELS))


def test_sessions_of_one_name_answer_alike_and_any_session_takes_every_canary(base: Base, engine: Engine) -> None:
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    plain = Engine(base, session_options=options)
    pack, texts = random_pack(base), ["a", "a text", "one of forty " * 40]
    for one in (plain, engine):
        one.install("t", pack)
    alike = [np.array_equal(*(one.logits(text, "t") for one in (plain, engine))) for text in texts]
    # Without fused operators most processors round otherwise, and a few, on so small a base, do not.
    assert all(alike) or plain.kernel_fingerprint != engine.kernel_fingerprint
    for task_type in TYPES:
        check_canary(plain, make_canary(engine, typed_pack(base, task_type)))


def test_other_kernels_have_the_margin_of_the_self_test_and_no_more(base: Base, engine: Engine) -> None:
    tolerance = base.manifest.self_test.tolerance
    pack = make_canary(engine, random_pack(base))
    check_canary(engine, altered(pack, 0.9 * tolerance, OTHER_KERNELS))
    for by in (2 * tolerance, -1.0):  # -1: nothing but zeros is expected
        with pytest.raises(CanaryError, match="other kernels"):
            check_canary(engine, altered(pack, by, OTHER_KERNELS))


def test_the_answers_of_another_pack_fail_on_any_kernels(base: Base, engine: Engine) -> None:
    good, bad = make_canary(engine, random_pack(base, seed=1)), random_pack(base, seed=2)
    assert good.canary is not None
    for kernels in (engine.kernel_fingerprint, OTHER_KERNELS):
        with pytest.raises(CanaryError):
            check_canary(engine, replace(bad, canary=replace(good.canary, kernel_fingerprint=kernels)))


def test_an_expectation_of_another_size_fails(base: Base, engine: Engine) -> None:
    pack = make_canary(engine, random_pack(base))
    assert pack.canary is not None
    with pytest.raises(CanaryError, match="numbers"):
        check_canary(engine, replace(pack, canary=replace(pack.canary, expected=pack.canary.expected[1:])))


def test_a_pack_without_canary_passes_and_keeps_the_bytes_it_had(base: Base, engine: Engine) -> None:
    pack = random_pack(base)
    check_canary(engine, pack)
    assert parse_pack(serialize(pack)).canary is None
    assert b"canary" not in serialize(pack)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"texts": ()}, "1 to 64 inputs"),
        ({"texts": (("a", None),) * 65}, "1 to 64 inputs"),
        ({"kernel_fingerprint": "../.."}, "16 hexadecimal"),
        ({"expected": np.zeros((2, 2), np.float32)}, "vector of float32"),
        ({"expected": np.zeros(4, np.float16)}, "vector of float32"),
    ],
)
def test_a_malformed_canary_is_refused_when_the_file_is_read(
    base: Base, engine: Engine, change: dict[str, object], message: str
) -> None:
    pack = make_canary(engine, random_pack(base))
    assert pack.canary is not None
    with pytest.raises(PackFormatError, match=message):
        parse_pack(serialize(replace(pack, canary=replace(pack.canary, **change))))


def test_a_canary_tensor_without_its_inputs_is_refused(base: Base) -> None:
    pack = random_pack(base)
    stray = replace(pack, tensors={**pack.tensors, "canary": np.zeros(4, np.float32)})
    with pytest.raises(PackFormatError, match="should not hold the tensor canary"):
        parse_pack(serialize(stray))
