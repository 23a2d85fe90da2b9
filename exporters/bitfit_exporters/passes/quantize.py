"""int8 weights, and activations quantized row by row so that no row feels its neighbours."""

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from bitfit_exporters.passes.build import MICROSOFT, Builder, replace

INT8_MAX = 127
# Keeps a row of zeros from dividing by zero; far below any activation that matters.
SMALLEST_ROW_MAXIMUM = 1e-10
# Smaller tables (token types, position buckets) save nothing worth a lookup of scales.
SMALLEST_TABLE = 1 << 16
Float32 = npt.NDArray[np.float32]
Int8 = npt.NDArray[np.int8]


def quantize_rows(weight: Float32) -> tuple[Int8, Float32]:
    """Symmetric int8 with one scale for each row of `[rows, columns]`. Returns the int8 array and scales `[rows]`."""
    scale = np.maximum(np.abs(weight).max(axis=1), np.finfo(np.float32).tiny * INT8_MAX) / np.float32(INT8_MAX)
    return np.rint(weight / scale[:, None]).astype(np.int8), scale.astype(np.float32)


def quantize_matmuls(graph: ir.Graph) -> list[str]:
    """Quantize every MatMul whose right side is a constant weight. Returns the weights' names.

    Before: `MatMul(x [batch, sequence, in], w [in, out])`. After: x / max|x| of its row, quantized with the fixed
    scale 1/127 around zero point 128, multiplied as integers, scaled back. Products of two activations stay float.
    """
    names = []
    for node in list(graph):
        data, weight = node.inputs[:2] if node.op_type == "MatMul" else (None, None)
        if data is None or weight is None or weight.const_value is None or weight.is_graph_input():
            continue
        name = str(weight.name)
        _quantize_matmul(graph, node, data, weight)
        names.append(name)
    return names


def _quantize_matmul(graph: ir.Graph, node: ir.Node, data: ir.Value, weight: ir.Value) -> None:
    assert weight.const_value is not None
    name = str(weight.name)
    build = Builder(graph, str(node.outputs[0].name), node)
    row_scale, activations = _quantized_activations(graph, data, node)
    if weight.dtype != ir.DataType.INT8:  # layers that share a weight quantize it once
        quantized, scale = quantize_rows(weight.const_value.numpy().T)
        weight.const_value = ir.tensor(np.ascontiguousarray(quantized.T), name=name)
        weight.dtype = ir.DataType.INT8
        build.constant(f"{name}.scale", scale)
    product = build(
        "MatMulIntegerToFloat",
        activations,
        weight,
        build.constant("quantize.step", np.array(1 / INT8_MAX, np.float32)),
        graph.initializers[f"{name}.scale"],
        build.constant("quantize.zero_point", np.array(INT8_MAX + 1, np.uint8)),
        domain=MICROSOFT,
    )
    replace(graph, node, build("Mul", product, row_scale))


def _quantized_activations(graph: ir.Graph, data: ir.Value, before: ir.Node) -> tuple[ir.Value, ir.Value]:
    """Return the row scales `[…, 1]` and uint8 values of `data`, written once for all MatMuls that share it."""
    for use in data.uses():
        if use.node.op_type == "Div" and str(use.node.outputs[0].name).endswith(".unit"):
            unit = use.node.outputs[0]
            scale = use.node.inputs[1]
            assert scale is not None
            return scale, next(iter(unit.uses())).node.outputs[0]
    build = Builder(graph, str(data.name), before)
    axis = build.constant("quantize.axis", np.array([-1], np.int64))
    largest = build("ReduceMax", build("Abs", data), axis, attributes={"keepdims": 1})
    floor = build.constant("quantize.floor", np.array(SMALLEST_ROW_MAXIMUM, np.float32))
    scale = build("Max", largest, floor, name=f"{data.name}.row_scale")
    unit = build("Div", data, scale, name=f"{data.name}.unit")
    step = build.constant("quantize.step", np.array(1 / INT8_MAX, np.float32))
    zero_point = build.constant("quantize.zero_point", np.array(INT8_MAX + 1, np.uint8))
    return scale, build("QuantizeLinear", unit, step, zero_point)


def quantize_embeddings(graph: ir.Graph) -> list[str]:
    """Store large lookup tables as int8 with a scale a row. Returns their names.

    Before: `Gather(table [rows, width], ids)`. After: the gathered int8 rows times their gathered scales.
    """
    names = []
    for node in list(graph):
        table, ids = node.inputs[:2] if node.op_type == "Gather" else (None, None)
        if table is None or ids is None or table.const_value is None or not str(table.name).endswith(".weight"):
            continue
        array = table.const_value.numpy()
        if array.dtype != np.float32 or array.size < SMALLEST_TABLE:
            continue
        name = str(table.name)
        quantized, scale = quantize_rows(array)
        table.const_value = ir.tensor(quantized, name=name)
        table.dtype = ir.DataType.INT8
        build = Builder(graph, str(node.outputs[0].name), node)
        rows = build("Cast", build("Gather", table, ids), attributes={"to": ir.DataType.FLOAT})
        scales = build(
            "Gather", build.constant(f"{name}.scale", scale[:, None]), ids, name=f"{node.outputs[0].name}.scales"
        )
        replace(graph, node, build("Mul", rows, scales))
        names.append(name)
    return names
