"""x86 without VNNI: what saturates there, how it is noticed, and what answers instead."""

from pathlib import Path

import numpy as np
import onnx
import onnx.numpy_helper
import onnx_ir as ir
import onnxruntime
import pytest

import bitfit_runtime.session as session_module
from bitfit_exporters.passes import QuantizeMatmuls, store_int8
from bitfit_exporters.passes.build import Builder, add_initializer
from bitfit_runtime import Base, Engine
from bitfit_runtime.errors import BaseFormatError
from bitfit_runtime.graph import BATCH, SEQUENCE
from bitfit_runtime.session import EXACT, EXACT_PRODUCTS, PROBE, open_session

WIDTH, COLUMNS = 64, 48


def saturating(codes: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The product of uint8 `[rows, width]` and int8 `[width, columns]` as VPMADDUBSW and VPMADDWD compute it."""
    products = codes[:, :, None].astype(np.int64) * weights[None].astype(np.int64)
    pairs = products.reshape(len(codes), -1, 2, weights.shape[1]).sum(2)
    return np.clip(pairs, -(1 << 15), (1 << 15) - 1).sum(1)


def test_the_probe_is_a_product_that_pairs_in_int16_cannot_hold() -> None:
    model = onnx.load_from_string(PROBE)
    onnx.checker.check_model(model)
    a, b = (onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer)
    assert (a.dtype, b.dtype, [node.op_type for node in model.graph.node]) == (np.uint8, np.int8, ["MatMulInteger"])
    assert (a.astype(int) @ b.astype(int)).item() == EXACT
    assert saturating(a, b).item() == (1 << 15) - 1


def let_products_saturate(monkeypatch: pytest.MonkeyPatch, answer: bool) -> None:
    monkeypatch.setattr(session_module, "products_saturate", lambda: answer)


def test_a_version_that_would_abort_over_exact_products_is_refused(base: Base, monkeypatch: pytest.MonkeyPatch) -> None:
    let_products_saturate(monkeypatch, True)
    monkeypatch.setattr(session_module.ort, "__version__", "1.29.0")
    with pytest.raises(BaseFormatError, match=r"needs onnxruntime 1\.30 or later, found 1\.29\.0; run: pip install"):
        open_session(base.model_path)
    let_products_saturate(monkeypatch, False)
    open_session(base.model_path)


@pytest.mark.parametrize("saturate", [False, True])
def test_exact_products_are_asked_for_where_others_saturate_whatever_options_a_caller_gives(
    base: Base, monkeypatch: pytest.MonkeyPatch, saturate: bool
) -> None:
    let_products_saturate(monkeypatch, saturate)
    own = onnxruntime.SessionOptions()
    own.log_severity_level = 3
    for options in (own, None):
        found = open_session(base.model_path, options=options).get_session_options()
        if saturate:
            assert found.get_session_config_entry(EXACT_PRODUCTS) == "1"
        else:
            with pytest.raises(RuntimeError):
                found.get_session_config_entry(EXACT_PRODUCTS)


def test_exact_products_answer_the_same_bits(base: Base, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["some words", "a longer text, of more words", "b"]
    expected = Engine(base).embed(texts)
    let_products_saturate(monkeypatch, True)
    np.testing.assert_array_equal(Engine(base).embed(texts), expected)


@pytest.mark.parametrize("rows", [1, 5])
@pytest.mark.parametrize("saturate", [False, True])
def test_products_of_the_largest_magnitudes_are_exact(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int, saturate: bool
) -> None:
    """Every weight is ±127 and every code 1 or 255; one row and one column are of one sign all through."""
    if saturate:
        let_products_saturate(monkeypatch, True)
    generator = np.random.default_rng(0)
    data = generator.choice(np.float32([-1, 1]), (1, rows, WIDTH))
    weight = generator.choice(np.float32([-1, 1]), (WIDTH, COLUMNS))
    data[0, 0], weight[:, 0] = 1, 1
    value = ir.Value(name="data", shape=ir.Shape([BATCH, SEQUENCE, WIDTH]), type=ir.TensorType(ir.DataType.FLOAT))
    graph = ir.Graph([value], [], nodes=[], opset_imports={"": 23, "com.microsoft": 1}, name="test")
    build = Builder(graph, "test")
    out = build("MatMul", value, add_initializer(graph, "test.weight", weight))
    out.shape, out.type = ir.Shape([BATCH, SEQUENCE, COLUMNS]), ir.TensorType(ir.DataType.FLOAT)
    graph.outputs.append(out)
    model = ir.Model(graph, ir_version=10)
    QuantizeMatmuls(store_int8)(model)
    ir.save(model, tmp_path / "model.onnx")
    found = open_session(tmp_path / "model.onnx").run(None, {"data": data})[0]
    exact = (127 * data[0]).astype(int) @ (127 * weight).astype(int)
    step = np.float32(1) / np.float32(127)
    np.testing.assert_array_equal(found[0], exact.astype(np.float32) * step * step)
    codes, weights = (128 + 127 * data[0]).astype(np.uint8), (127 * weight).astype(np.int8)
    lost = saturating(codes, weights) - 128 * weights.sum(0, dtype=int) - exact
    assert np.abs(lost).max() > 0.1 * np.abs(exact).max()  # on a machine that saturates, this would not go unnoticed
