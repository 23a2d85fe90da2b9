from collections.abc import Callable

import numpy as np
import onnx_ir as ir
import pytest

from bitfit_exporters.errors import CaptureError
from bitfit_exporters.families import FAMILIES
from bitfit_exporters.passes import (
    AttachHead,
    ExposeBiases,
    QuantizeMatmuls,
    SimplifyAttention,
    SpreadRelativePositions,
    final_passes,
    run_passes,
    store_int8,
)
from bitfit_exporters.passes.build import Builder, add_initializer
from bitfit_runtime.graph import ATTENTION_MASK, BATCH, INPUT_IDS, SEQUENCE
from support.graphs import model_of, run, tensor

HEADS, SIZE, LENGTH = 2, 4, 24
HIDDEN = HEADS * SIZE


def attention_model(mask: Callable[[Builder, ir.Value], ir.Value]) -> ir.Model:
    data = tensor("data", [BATCH, SEQUENCE, HIDDEN], ir.DataType.FLOAT)
    real = tensor(ATTENTION_MASK, [BATCH, SEQUENCE], ir.DataType.INT64)
    model = model_of(tensor(INPUT_IDS, [BATCH, SEQUENCE], ir.DataType.INT64), real, data)
    build = Builder(model.graph, "test")
    shape = build.constant("shape", np.array([0, 0, HEADS, SIZE], np.int64))
    heads = build("Transpose", build("Reshape", data, shape), attributes={"perm": [0, 2, 1, 3]})
    heads.shape = ir.Shape([BATCH, HEADS, SEQUENCE, SIZE])
    by_row = build("Unsqueeze", build("Cast", real, attributes={"to": ir.DataType.BOOL}), axes(build))
    seen = build("Attention", heads, heads, heads, mask(build, by_row))
    back = build.constant("back", np.array([0, 0, HIDDEN], np.int64))
    out = build("Reshape", build("Transpose", seen, attributes={"perm": [0, 2, 1, 3]}, name="t"), back, name="out")
    out.shape, out.type = ir.Shape([BATCH, SEQUENCE, HIDDEN]), ir.TensorType(ir.DataType.FLOAT)
    model.graph.outputs.append(out)
    return model


def axes(build: Builder) -> ir.Value:
    return build.constant("axes", np.array([1, 2], np.int64))


def padding(build: Builder, by_row: ir.Value) -> ir.Value:
    square = build.constant("square", np.ones((1, 1, LENGTH, 1), np.bool_))
    return build("And", by_row, square, name="mask")


def window(build: Builder, by_row: ir.Value) -> ir.Value:
    places = np.arange(LENGTH)
    near = np.abs(places[:, None] - places) <= 3
    return build("And", by_row, build.constant("near", near[None, None]), name="mask")


@pytest.mark.parametrize(("mask", "shared"), [(padding, True), (window, False)])
def test_only_a_mask_that_hides_padding_alone_is_replaced_and_answers_stay(
    mask: Callable[[Builder, ir.Value], ir.Value], shared: bool
) -> None:
    generator = np.random.default_rng(0)
    real = np.ones((2, LENGTH), np.int64)
    real[1, 9:] = 0
    data = generator.standard_normal((2, LENGTH, HIDDEN)).astype(np.float32)
    feeds = {ATTENTION_MASK: real, "data": data, INPUT_IDS: real}
    expected = run(attention_model(mask), **feeds)
    model = attention_model(mask)
    SimplifyAttention(max_length=LENGTH)(model)
    node = model.graph.outputs[0].producer()
    assert node is not None
    assert node.op_type == "Attention"
    assert (str(node.inputs[3].name) != "mask") == shared
    assert node.inputs[0] is model.graph.inputs[2]
    np.testing.assert_allclose(run(model, **feeds), expected, rtol=1e-5, atol=1e-6)


def test_matmuls_of_one_tensor_become_one_product_close_to_theirs_and_zeros_stay_zero() -> None:
    generator = np.random.default_rng(0)
    data = generator.standard_normal((2, 3, 64)).astype(np.float32)
    data[0, 1] = 0
    data[1] *= 1e-3
    model = model_of(tensor("data", [BATCH, SEQUENCE, 64], ir.DataType.FLOAT))
    build = Builder(model.graph, "test")
    weights = [generator.standard_normal((64, size)).astype(np.float32) for size in (8, 16)]
    products = [
        build(
            "MatMul", model.graph.inputs[0], add_initializer(model.graph, f"{place}.weight", weight), name=f"p{place}"
        )
        for place, weight in enumerate(weights)
    ]
    out = build("Concat", *products, attributes={"axis": -1}, name="out")
    out.shape, out.type = ir.Shape([BATCH, SEQUENCE, 24]), ir.TensorType(ir.DataType.FLOAT)
    model.graph.outputs.append(out)
    QuantizeMatmuls(store_int8)(model)
    assert sum(node.op_type == "MatMulIntegerToFloat" for node in model.graph) == 1
    found, expected = run(model, data=data), data @ np.concatenate(weights, 1)
    assert not found[0, 1].any()
    error = np.linalg.norm(found - expected, axis=-1)
    assert (error <= 0.02 * np.linalg.norm(expected, axis=-1)).all()


@pytest.mark.parametrize(
    ("activation", "operators"),
    [("Gelu", {"ReduceMax", "Clip"}), ("Relu", {"ReduceMax"}), ("Tanh", {"Abs", "ReduceMax"})],
)
def test_what_an_activation_bounds_from_below_needs_no_magnitudes(activation: str, operators: set[str]) -> None:
    generator = np.random.default_rng(0)
    data = generator.standard_normal((2, 3, 64)).astype(np.float32)
    data[0, 0], data[0, 1], data[1] = -0.75, 0, 4 * data[1]  # where GELU is lowest
    answers = []
    for quantize in (False, True):
        model = model_of(tensor("data", [BATCH, SEQUENCE, 64], ir.DataType.FLOAT))
        build = Builder(model.graph, "test")
        weight = np.random.default_rng(1).standard_normal((64, 16)).astype(np.float32)
        active = build(activation, model.graph.inputs[0])
        out = build("MatMul", active, add_initializer(model.graph, "a.weight", weight), name="out")
        out.shape, out.type = ir.Shape([BATCH, SEQUENCE, 16]), ir.TensorType(ir.DataType.FLOAT)
        model.graph.outputs.append(out)
        if quantize:
            QuantizeMatmuls(store_int8)(model)
            model.graph.outputs[0].name = "out"
            assert {node.op_type for node in model.graph} & {"Abs", "ReduceMax", "Clip"} == operators
        answers.append(run(model, data=data))
    expected, found = answers
    error = np.linalg.norm(found - expected, axis=-1)
    assert (error <= 0.02 * np.linalg.norm(expected, axis=-1) + 1e-6).all()


def linear_model(*biases: str) -> ir.Model:
    """A tensor, and each bias added to it in turn."""
    model = model_of(
        tensor(INPUT_IDS, [BATCH, SEQUENCE], ir.DataType.INT64),
        tensor(ATTENTION_MASK, [BATCH, SEQUENCE], ir.DataType.INT64),
        tensor("data", [BATCH, SEQUENCE, HIDDEN], ir.DataType.FLOAT),
    )
    build = Builder(model.graph, "test")
    value = model.graph.inputs[2]
    for name in biases:
        value = build("Add", value, add_initializer(model.graph, name, np.ones(HIDDEN, np.float32)), name=f"of_{name}")
    value.shape, value.type = ir.Shape([BATCH, SEQUENCE, HIDDEN]), ir.TensorType(ir.DataType.FLOAT)
    model.graph.outputs.append(value)
    return model


KNOWN_BIAS = "encoder.layer.0.output.dense.bias"


def test_biases_become_inputs_with_their_values_as_defaults() -> None:
    model = linear_model(KNOWN_BIAS)
    data = np.zeros((2, 1, HIDDEN), np.float32)
    run_passes(model, (ExposeBiases(FAMILIES["bert"]),))
    tokens = np.ones((2, 1), np.int64)
    feeds = {INPUT_IDS: tokens, ATTENTION_MASK: tokens, "data": data}
    np.testing.assert_array_equal(run(model, **feeds), data + 1)
    by_row = np.arange(2 * HIDDEN, dtype=np.float32).reshape(2, 1, HIDDEN)
    np.testing.assert_array_equal(run(model, **feeds, **{KNOWN_BIAS: by_row}), by_row)


def test_a_bias_of_no_known_term_is_refused() -> None:
    with pytest.raises(CaptureError, match=r"bias mystery\.bias does not belong to a known term.*\(ExposeBiases\)"):
        run_passes(linear_model("mystery.bias"), (ExposeBiases(FAMILIES["bert"]),))


def test_a_bias_that_is_not_only_added_is_refused() -> None:
    model = linear_model(KNOWN_BIAS)
    node = model.graph.outputs[0].producer()
    assert node is not None
    node.op_type = "Mul"
    with pytest.raises(CaptureError, match=rf"{KNOWN_BIAS} feeds Mul, expected only Add"):
        run_passes(model, (ExposeBiases(FAMILIES["bert"]),))


def test_a_pass_refuses_to_run_before_the_one_that_it_builds_on() -> None:
    with pytest.raises(CaptureError, match=r"not an input yet \(SpreadRelativePositions\)"):
        run_passes(linear_model(KNOWN_BIAS), (SpreadRelativePositions(),))
    model = linear_model(KNOWN_BIAS)
    run_passes(model, (ExposeBiases(FAMILIES["bert"]), SpreadRelativePositions(), AttachHead(HIDDEN, "mean")))
    with pytest.raises(CaptureError, match=r"expected one output.*found 4 \(AttachHead\)"):
        run_passes(model, (AttachHead(HIDDEN, "mean"),))


def test_weights_are_quantized_once() -> None:
    model = linear_model()
    weight = add_initializer(model.graph, "a.weight", np.ones((HIDDEN, HIDDEN), np.int8))
    Builder(model.graph, "test")("MatMul", model.graph.inputs[2], weight)
    with pytest.raises(CaptureError, match=r"a\.weight is not a float32 matrix.*\(QuantizeMatmuls\)"):
        run_passes(model, (QuantizeMatmuls(store_int8),))


def test_equal_computations_make_equal_graphs_without_what_no_output_needs() -> None:
    written = []
    for prefix in ("one", "other"):
        model = linear_model("a.bias", "b.bias")
        nodes = list(model.graph)
        for index, node in enumerate(nodes):
            node.name, node.outputs[0].name = f"{prefix}_{index}", f"{prefix}_value_{index}"
        Builder(model.graph, prefix, nodes[0])("Neg", model.graph.inputs[2])
        if prefix == "other":
            model.graph.remove(nodes)
            model.graph.extend(nodes[::-1])
        add_initializer(model.graph, "unused", np.ones(3, np.float32))
        model.graph.outputs[0].name = "out"
        run_passes(model, final_passes())
        assert [node.op_type for node in model.graph] == ["Add", "Add"]
        assert "unused" not in model.graph.initializers
        written.append(ir.to_proto(model).SerializeToString())
    assert written[0] == written[1]
