import errno
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bitfit_runtime import Base, Pack, PackInfo, read_pack, write_pack
from bitfit_runtime.errors import PackError, PackFormatError, PackMismatchError, PackNotFoundError
from bitfit_runtime.formats import Windows, pack_file, parse_pack, serialize
from support.packs import random_pack

INFO = PackInfo("sha256:0", "b", "t", "classification", ("no", "yes"), "mean", 16, ("q",), encoding="float32")


def decoded(pack: Pack, base: Base) -> dict[str, np.ndarray]:
    return pack.decode(base.manifest, base.default_biases)


FINITE = st.floats(-1e4, 1e4, width=16)


def small_pack(bias: np.ndarray, encoding: str = "float32") -> Pack:
    dtype = np.dtype(encoding)
    with np.errstate(over="ignore"):
        tensors = {"biases": bias.astype(dtype), "head.weight": np.ones(6, dtype), "head.bias": np.zeros(2, dtype)}
    return Pack(replace(INFO, encoding=encoding), tensors)


@given(hnp.arrays(np.float32, st.integers(1, 40), elements=FINITE), st.sampled_from(["float16", "float32"]))
def test_a_pack_reads_back_as_it_was_written(bias: np.ndarray, encoding: str) -> None:
    original = small_pack(bias, encoding)
    back = parse_pack(serialize(original))
    assert back.info == original.info
    np.testing.assert_array_equal(back.tensors["biases"], bias)


def test_equal_packs_are_equal_bytes() -> None:
    assert len({serialize(small_pack(np.arange(5))) for _ in range(20)}) == 1


@settings(max_examples=300)
@given(st.data())
def test_altered_bytes_give_a_pack_error_or_a_finite_pack(data: st.DataObject) -> None:
    content = bytearray(serialize(small_pack(np.arange(5))))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = parse_pack(bytes(content))
    except PackError:
        return
    assert all(np.isfinite(tensor).all() for tensor in found.tensors.values())


def test_every_truncation_is_refused() -> None:
    content = serialize(small_pack(np.arange(5)))
    for length in range(len(content)):
        with pytest.raises(PackFormatError):
            parse_pack(content[:length])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_refused_on_write_and_on_read(value: float) -> None:
    poisoned = small_pack(np.array([1.0, value]))
    with pytest.raises(PackFormatError, match="biases"):
        serialize(poisoned)
    content = serialize(small_pack(np.array([1.0, 12345.0]))).replace(
        np.float32(12345).tobytes(), np.float32(value).tobytes()
    )
    with pytest.raises(PackFormatError, match="not finite"):
        parse_pack(content)


def test_a_value_too_large_for_float16_is_refused() -> None:
    with pytest.raises(PackFormatError):
        serialize(small_pack(np.array([1e6]), "float16"))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b'"schema_version": 1', b'"schema_version": 4', "schema version 4"),
        (b'["no", "yes"]', b'["no", "no" ]', "labels"),
        (b'"classification"', b'"classificatiom"', "task_type"),
        (b'"head.bias"', b'"head.bIas"', "head.bias"),
        (b'"schema_version": 1', b'"schema_version": 0', "no such version"),
        (b'"metrics": {}', b'"metrics": {"a": NaN}', "finite"),
        (b'["no", "yes"]', b'["no", "\\ud800"]', "Unicode"),
    ],
)
def test_a_wrong_header_is_refused_by_name(old: bytes, new: bytes, message: str) -> None:
    content = serialize(small_pack(np.arange(5)))
    if b"head" not in old:  # all but the tensors' names stand in a string in the header
        old, new = (text.replace(b"\\", b"\\\\").replace(b'"', b'\\"') for text in (old, new))
    length = int.from_bytes(content[:8], "little")
    header = content[8 : 8 + length]
    assert old in header
    header = header.replace(old, new)
    with pytest.raises(PackFormatError, match=message):
        parse_pack(len(header).to_bytes(8, "little") + header + content[8 + length :])


def test_a_header_over_the_limit_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(PackFormatError, match="header of"):
        parse_pack((9 << 20).to_bytes(8, "little") + bytes(100))


@pytest.mark.parametrize(("terms", "message"), [(("q",), "should have"), (("q", "m2", "xx"), "term 'xx'")])
def test_terms_that_the_pack_does_not_hold_or_the_base_lacks_are_refused(
    base: Base, terms: tuple[str, ...], message: str
) -> None:
    good = random_pack(base, terms=("q", "m2"))
    with pytest.raises(PackFormatError, match=message):
        decoded(replace(good, info=replace(good.info, terms=terms)), base)


def test_a_pack_over_the_size_limit_is_refused_before_it_is_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pack_file, "LIMITS", replace(pack_file.LIMITS, pack_bytes=100))
    with pytest.raises(PackFormatError, match="at most 100"):
        parse_pack(b"\0" * 101)


def test_what_no_reader_would_take_is_not_written(tmp_path: Path) -> None:
    pack = small_pack(np.arange(5))
    long = replace(pack.info, labels=("no", "y" * pack_file.LIMITS.metadata_bytes))
    large = {**pack.tensors, "biases": np.zeros(pack_file.LIMITS.pack_bytes // 4, np.float32)}
    for refused, message in ((replace(pack, info=long), "a header of"), (replace(pack, tensors=large), "holds")):
        with pytest.raises(PackFormatError, match=message):
            write_pack(refused, tmp_path / "p.safetensors")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"metrics": {"m": float("nan")}}, "'m' is not a finite number"),
        ({"metrics": {"m": np.float32(1)}}, "float32 is not JSON serializable"),
        ({"task": "\ud800"}, "'task' is not Unicode text"),
        ({"labels": ("yes", "yes")}, "distinct labels"),
        ({"terms": ()}, "should not hold the tensor biases"),
    ],
)
def test_what_a_reader_refuses_is_refused_when_it_is_written(change: dict[str, object], message: str) -> None:
    pack = small_pack(np.arange(5))
    with pytest.raises(PackFormatError, match=message):
        serialize(replace(pack, info=replace(pack.info, **change)))


@pytest.mark.parametrize("tensor", [np.ones(2, complex), [1.0]])
def test_a_tensor_that_no_file_holds_is_refused_when_it_is_written(tensor: np.ndarray) -> None:
    pack = small_pack(np.arange(5))
    with pytest.raises(PackFormatError):
        serialize(replace(pack, tensors={**pack.tensors, "biases": tensor}))


def test_a_failed_write_keeps_the_earlier_pack_and_leaves_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_pack(small_pack(np.arange(5)), tmp_path / "p.safetensors")
    before = path.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(PackError, match="No space left"):
        write_pack(small_pack(np.ones(5)), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_pack_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(PackNotFoundError, match="bitfit train"):
        read_pack(tmp_path / "none.safetensors")


def test_a_pack_for_another_base_is_refused(base: Base) -> None:
    good = random_pack(base)
    with pytest.raises(PackMismatchError, match="made for base"):
        decoded(replace(good, info=replace(good.info, base="sha256:f00")), base)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"stranger": np.zeros(3, np.float32)}, "should not hold the tensor stranger"),
        ({"biases": np.zeros((2, 2), np.float32)}, "should be a vector"),
        ({"biases": np.zeros(4, np.float16)}, "should be a vector of float32"),
        ({"head.bias": np.zeros(3, np.float32)}, "should have 2 elements"),
    ],
)
def test_tensors_of_other_names_or_kinds_are_refused_when_the_file_is_read(
    change: dict[str, np.ndarray], message: str
) -> None:
    good = small_pack(np.arange(4))
    with pytest.raises(PackFormatError, match=message):
        parse_pack(serialize(replace(good, tensors={**good.tensors, **change})))


def test_a_pack_from_a_layer_on_holds_what_acts_there(base: Base) -> None:
    manifest = base.manifest
    assert manifest.layers == max(spec.layer for spec in manifest.biases) + 1
    for start in range(manifest.layers + 1):
        pack = parse_pack(serialize(random_pack(base, from_layer=start)))
        expected = {
            spec.name
            for spec in manifest.biases
            if not start or spec.term in ("pooler", "final") or (spec.layer >= start and spec.term != "embeddings")
        }
        assert decoded(pack, base).keys() - {"head.weight", "head.bias"} == expected
        assert pack.info.from_layer == start
        assert (b'"schema_version\\": 2' in serialize(pack)) == (start > 0)


def test_a_start_above_the_last_layer_is_refused(base: Base) -> None:
    pack = random_pack(base, terms=())
    pack = replace(pack, info=replace(pack.info, from_layer=base.manifest.layers + 1))
    with pytest.raises(PackMismatchError, match="begins at layer"):
        decoded(pack, base)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("windows", Windows("offsets", 4, 32)),
        ("windows", Windows("mean", 9, 32)),
        ("windows", Windows("mean", -1, 32)),
        ("windows", Windows("mean", 4, 0)),
        ("windows", Windows("mean", 4, 10**6)),
        ("from_layer", -1),
    ],
)
def test_fields_of_the_second_schema_are_checked(field: str, value: object) -> None:
    pack = small_pack(np.arange(5))
    assert parse_pack(serialize(replace(pack, info=replace(INFO, windows=Windows("mean", 8, 32))))).info.windows
    with pytest.raises(PackFormatError):
        parse_pack(serialize(replace(pack, info=replace(INFO, **{field: value}))))


def test_fields_of_the_second_schema_are_refused_in_the_first() -> None:
    content = serialize(replace(small_pack(np.arange(5)), info=replace(INFO, from_layer=3)))
    assert parse_pack(content).info.from_layer == 3
    with pytest.raises(PackFormatError, match="schema version 1 has no field 'from_layer'"):
        parse_pack(content.replace(b'schema_version\\": 2', b'schema_version\\": 1'))
