import zlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bitfit_runtime import Base, Pack
from bitfit_runtime.errors import PackFormatError
from bitfit_runtime.formats import ENCODINGS, BiasSpec, Manifest, SelfTest, encode, parse_pack, serialize
from bitfit_runtime.formats.pack_encoding import decode
from support.packs import random_pack

SIZES = {"a.bias": 5, "b.bias": 3, "c.bias": 4}
SPECS = tuple(BiasSpec(name, size, name[0], 0) for name, size in SIZES.items())
TEST = SelfTest((1,), 1.0, 0.1, ((0.0,) * 2, (0.0,) * 2))
BASE = Manifest(
    *("n", "bert", "int8", "mean", 16, 2, 0, 9, ("input_ids", "attention_mask"), {"model.onnx": "0"}, SPECS, ()),
    *((), {}, TEST, "test"),
)
HELD = [SPECS[0], SPECS[2]]
DEFAULTS = {name: np.linspace(-1, 1, size, dtype=np.float32) for name, size in SIZES.items()}
NUMBERS = st.floats(-100, 100, width=32)


def values_of(a: np.ndarray, weight: np.ndarray) -> dict[str, np.ndarray]:
    return {"a.bias": a, "c.bias": DEFAULTS["c.bias"], "head.weight": weight, "head.bias": np.ones(3, np.float32)}


@given(
    hnp.arrays(np.float32, 5, elements=NUMBERS),
    hnp.arrays(np.float32, (2, 3), elements=NUMBERS),
    st.sampled_from(list(ENCODINGS)),
)
def test_decoding_gives_back_each_value_within_the_encodings_step(
    a: np.ndarray, weight: np.ndarray, encoding: str
) -> None:
    values = values_of(a, weight)
    found = decode(encode(values, DEFAULTS, BASE, encoding), HELD, 3, DEFAULTS, BASE.hidden_size)
    assert list(found) == ["a.bias", "c.bias", "head.weight", "head.bias"]
    # An encoder that clips gives up the outlier for the rest, so its bound is on the squared error of the group.
    steps = {"int2": 1 / 2, "int3": 1 / 6, "int4": 1 / 14, "int8": 1 / 254, "float16": 2**-11, "float32": 2**-23}
    for name, value in found.items():
        assert (value.shape, value.dtype) == (values[name].shape, np.float32)
        default = DEFAULTS.get(name, np.zeros((), np.float32))
        share = steps["int8" if name == "head.weight" and encoding.startswith("int") else encoding]
        largest = float(np.abs(values[name] - default).max())
        bound = 1.01 * share * largest + 1e-5 * (1 + float(np.abs(values[name]).max()))
        assert np.sqrt(np.square(value - values[name]).sum()) <= bound * np.sqrt(value.size)
    np.testing.assert_array_equal(found["c.bias"], DEFAULTS["c.bias"])


def test_decoded_bits_are_those_of_two_rounded_float32_operations() -> None:
    codes = np.array([1, -7, 3, 0, 7, 2, 2, 2, 2], np.int8)
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
    stream = deflater.compress(codes.tobytes()) + deflater.flush()
    scales = np.array([0.1, 0.3], np.float32)
    stored = {"biases": np.frombuffer(stream, np.uint8), "biases.scale": scales}
    found = decode(stored, HELD, 2, DEFAULTS, BASE.hidden_size)
    for name, part, scale in (("a.bias", codes[:5], scales[0]), ("c.bias", codes[5:], scales[1])):
        expected = [
            np.float32(float(d) + float(np.float32(float(c) * float(scale))))  # exact in double, then rounded once
            for d, c in zip(DEFAULTS[name], part, strict=True)
        ]
        np.testing.assert_array_equal(found[name], np.array(expected, np.float32))


def deflated(size: int) -> np.ndarray:
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
    return np.frombuffer(deflater.compress(bytes(size)) + deflater.flush(), np.uint8)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"biases": deflated(50_000_000)}, "should inflate to 9"),
        ({"biases": deflated(8)}, "should inflate to 9"),
        ({"biases": deflated(9)[:-1]}, "inflate"),
        ({"biases": np.append(deflated(9), np.uint8(0))}, "inflate"),
        ({"biases": np.full(9, 255, np.uint8)}, "cannot be inflated"),
        ({"biases.scale": np.ones(3, np.float32)}, "should have 2 elements"),
        ({"biases.scale": np.full(2, 3e38, np.float32)}, "not finite"),
        ({"head.weight": deflated(5)}, "should inflate to 6"),
    ],
)
def test_codes_that_do_not_fit_the_base_are_refused_without_inflating_more_than_fits(
    change: dict[str, np.ndarray], message: str
) -> None:
    values = values_of(np.arange(5, dtype=np.float32), np.ones((2, 3), np.float32))
    stored = encode(values, DEFAULTS, BASE, "int8") | change
    with pytest.raises(PackFormatError, match=message):
        decode(stored, HELD, 3, DEFAULTS, BASE.hidden_size)


def test_packs_in_bits_survive_a_file_and_shrink(base: Base) -> None:
    full = random_pack(base)
    values = full.decode(base.manifest, base.default_biases)
    sizes = []
    for encoding in ENCODINGS:
        stored = encode(values, base.default_biases, base.manifest, encoding)
        pack = Pack(replace(full.info, encoding=encoding), stored)
        content = serialize(pack)
        sizes.append(len(content))
        back = parse_pack(content).decode(base.manifest, base.default_biases)
        for name, value in pack.decode(base.manifest, base.default_biases).items():
            np.testing.assert_array_equal(back[name], value)
    assert sizes == sorted(sizes) and sizes[0] < 0.3 * sizes[-1]
