"""How weights are stored: what the codes reach, and that a session unpacks just those weights."""

import hypothesis.extra.numpy as arrays
import numpy as np
import onnx_ir as ir
import onnxruntime as ort
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bitfit_exporters.passes.weights as weights_module
from bitfit_exporters.passes.build import Builder, add_initializer
from bitfit_exporters.passes.weights import BLOCK, quantize_blocks, quantize_rows, store_int4

FINITE = st.floats(-(2.0**100), 2.0**100, width=32)
SHAPES = st.tuples(st.integers(1, 3), st.sampled_from([BLOCK, 3 * BLOCK]))


@given(arrays.arrays(np.float32, SHAPES, elements=FINITE))
def test_int4_codes_and_multipliers_stay_in_range_and_fit_int16_by_pairs(weight: np.ndarray) -> None:
    codes, multipliers, scale = quantize_blocks(weight)
    for found in (codes, multipliers):
        assert found.dtype == np.int8 and found.min() >= -8 and found.max() <= 7
    assert 2 * 255 * np.abs(codes.astype(int) * multipliers).max() < 1 << 15
    assert np.isfinite(scale).all() and (scale > 0).all()


@given(arrays.arrays(np.float32, SHAPES, elements=st.floats(-1, 1, width=32)))
def test_every_weight_is_within_a_fifth_of_the_largest_of_its_row(weight: np.ndarray) -> None:
    codes, multipliers, scale = quantize_blocks(weight)
    values = (codes * multipliers.astype(np.float32)).reshape(weight.shape) * scale[:, None]
    assert (np.abs(values - weight) <= 0.2 * np.abs(weight).max(1, keepdims=True) + 1e-36).all()


def test_rows_of_zeros_are_stored_as_zeros() -> None:
    codes, _, scale = quantize_blocks(np.zeros((2, BLOCK), np.float32))
    assert not codes.any() and np.isfinite(scale).all()


def test_int4_costs_a_tenth_of_a_normal_weight_and_int8_a_hundredth() -> None:
    weight = np.random.default_rng(0).standard_normal((64, 512)).astype(np.float32)
    codes, multipliers, scale = quantize_blocks(weight)
    int8, int8_scale = quantize_rows(weight)
    size = np.linalg.norm(weight)
    int4 = (codes * multipliers.astype(np.float32)).reshape(weight.shape) * scale[:, None]
    assert np.linalg.norm(int4 - weight) < 0.1 * size
    assert np.linalg.norm(int8 * int8_scale[:, None] - weight) < 0.01 * size


@pytest.mark.parametrize("transposed", [False, True])
def test_a_session_unpacks_int4_to_code_times_multiplier_when_it_is_made(
    transposed: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    rows = np.random.default_rng(0).standard_normal((24, 3 * BLOCK)).astype(np.float32)
    graph = ir.Graph([], [], nodes=[], opset_imports={"": 23}, name="test")
    build = Builder(graph, "test")
    weight = add_initializer(graph, "a.weight", rows.T if transposed else rows)
    matrix, scale = store_int4(build, weight, transposed)
    out = build("Cast", matrix, attributes={"to": ir.DataType.FLOAT})
    out.shape, out.type = ir.Shape(matrix.shape or ()), ir.TensorType(ir.DataType.FLOAT)
    graph.outputs.append(out)
    options = ort.SessionOptions()
    optimized = tmp_path_factory.mktemp("optimized") / "model.onnx"
    options.optimized_model_filepath = str(optimized)
    options.log_severity_level = 3
    model = ir.to_proto(ir.Model(graph, ir_version=10)).SerializeToString()
    found = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"]).run(None, {})[0]
    codes, multipliers, expected_scale = quantize_blocks(rows)
    expected = (codes.astype(int) * multipliers).reshape(rows.shape)
    np.testing.assert_array_equal(found, expected.T if transposed else expected)
    np.testing.assert_array_equal(scale, expected_scale)
    assert not list(ir.load(optimized).graph)


def test_codes_do_not_depend_on_how_many_rows_are_chosen_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = np.random.default_rng(0).standard_normal((10, 2 * BLOCK)).astype(np.float32)

    def stored(piece: int) -> list[bytes]:
        monkeypatch.setattr(weights_module, "PIECE", piece)
        graph = ir.Graph([], [], nodes=[], opset_imports={"": 23}, name="test")
        weight = add_initializer(graph, "a.weight", rows)
        _, scale = store_int4(Builder(graph, "test"), weight, False)
        tensors = [weight.const_value, graph.initializers["a.weight.multiplier"].const_value]
        return [tensor.tobytes() for tensor in tensors if tensor is not None] + [scale.tobytes()]

    assert len(stored(len(rows))) == 3
    assert stored(3) == stored(len(rows))


def test_rows_that_do_not_divide_into_blocks_are_stored_as_int8() -> None:
    graph = ir.Graph([], [], nodes=[], opset_imports={"": 23}, name="test")
    weight = add_initializer(graph, "a.weight", np.ones((2, BLOCK + 1), np.float32))
    matrix, _ = store_int4(Builder(graph, "test"), weight, False)
    assert matrix is weight and weight.dtype == ir.DataType.INT8
