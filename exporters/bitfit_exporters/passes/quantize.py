"""Integer products; activations are quantized row by row, or by constants, so that no row depends on others."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import onnx_ir as ir
from onnx_ir.passes import InPlacePass, PassResult, PostconditionError, PreconditionError

from bitfit_exporters.passes.build import MICROSOFT, Builder, products, replace
from bitfit_exporters.passes.smoothing import StaticScale, scale_of, zero_point_of
from bitfit_exporters.passes.weights import INT8_MAX, Store, unpacked

ZERO_POINT = 128
QUANTIZED = "MatMulIntegerToFloat"
# How far below zero activations reach: GELU to -0.16997, its approximation by tanh to -0.17004.
REACH_BELOW = {"Gelu": 0.1701, "Relu": 0.0}
# Smaller tables (token types, position buckets) save nothing worth a lookup of scales.
SMALLEST_TABLE = 1 << 16


class QuantizeMatmuls(InPlacePass):
    """Quantize every MatMul whose right side is a constant weight, which `store` turns into codes.

    Before: `MatMul(x [batch, sequence, in], w [in, out])`. After: x quantized to uint8 around zero point 128, each row
    with the scale max|x| / 127, multiplied as integers, scaled back. Several MatMuls of one x (queries, keys and
    values) become one, whose weights ONNX Runtime joins when it loads the graph. Products of two activations stay
    float. A row of zeros has scale 0, and so stays zero whatever its codes are. Data whose names `scales` has are
    quantized by its constants instead.
    """

    def __init__(self, store: Store, scales: Mapping[str, StaticScale] = MappingProxyType({})) -> None:
        self._store, self._scales = store, scales

    def requires(self, model: ir.Model) -> None:
        """Weights are float32 matrices: none is quantized yet."""
        for _, weight, _ in products(model.graph):
            if weight.dtype != ir.DataType.FLOAT or weight.shape is None or len(weight.shape) != 2:
                raise PreconditionError(f"{weight.name} is not a float32 matrix; its type is {weight.dtype}")

    def call(self, model: ir.Model) -> PassResult:
        """Quantize the products of each tensor together."""
        by_data: dict[ir.Value, list[ir.Node]] = {}
        for data, _, node in products(model.graph):
            by_data.setdefault(data, []).append(node)
        for data, nodes in by_data.items():
            static = self._scales.get(str(data.name))
            # Joined products must be split again, which only pays where rows are scaled back together.
            for together in [nodes] if static is None else [[node] for node in nodes]:
                _quantize_products(model.graph, data, together, self._store, static)
        return PassResult(model, modified=bool(by_data))

    def ensures(self, model: ir.Model) -> None:
        """No float product with a constant weight is left."""
        if left := products(model.graph):
            raise PostconditionError(f"{left[0][1].name} is still multiplied in floats")


class QuantizeEmbeddings(InPlacePass):
    """Quantize large lookup tables, which `store` turns into codes with a scale for each row.

    Before: `Gather(table [rows, width], ids)`. After: the gathered int8 rows times their gathered scales.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def call(self, model: ir.Model) -> PassResult:
        """Quantize each table where it is looked up."""
        graph, lookups = model.graph, _lookups(model.graph)
        for table, ids, node in lookups:
            build = Builder(graph, str(node.outputs[0].name), node)
            matrix, scale = self._store(build, table, False)
            rows = build("Cast", build("Gather", matrix, ids), attributes={"to": ir.DataType.FLOAT})
            column = build.constant(f"{table.name}.scale", scale[:, None])
            scales = build("Gather", column, ids, name=f"{node.outputs[0].name}.scales")
            replace(graph, node, build("Mul", rows, scales))
        return PassResult(model, modified=bool(lookups))

    def ensures(self, model: ir.Model) -> None:
        """No large float table is left."""
        if left := _lookups(model.graph):
            raise PostconditionError(f"{left[0][0].name} is still a table of floats")


def _lookups(graph: ir.Graph) -> list[tuple[ir.Value, ir.Value, ir.Node]]:
    """Return (table, ids, node) of every Gather from a large table of float32 parameters."""
    found = []
    for node in graph:
        table, ids = node.inputs[:2] if node.op_type == "Gather" else (None, None)
        if table is None or ids is None or table.const_value is None or not str(table.name).endswith(".weight"):
            continue
        if table.dtype == ir.DataType.FLOAT and table.const_value.size >= SMALLEST_TABLE:
            found.append((table, ids, node))
    return found


@dataclass(frozen=True, slots=True)
class _Codes:
    """An activation as uint8 codes: (codes − zero_point) × scale, and where `row_scale` is given, × that of the row."""

    codes: ir.Value
    scale: ir.Value
    zero_point: ir.Value
    row_scale: ir.Value | None = None


def _quantize_products(
    graph: ir.Graph, data: ir.Value, nodes: list[ir.Node], store: Store, static: StaticScale | None
) -> None:
    """Replace the MatMuls of one tensor by one product of integers."""
    build = Builder(graph, str(nodes[0].outputs[0].name), nodes[0])
    pairs = [_stored(build, weight, store) for node in nodes if (weight := node.inputs[1]) is not None]
    weights, scales = [matrix for matrix, _ in pairs], [scale for _, scale in pairs]
    shapes = [matrix.shape.numpy() for matrix in weights if matrix.shape is not None]
    found = _by_row(build, data, shapes[0][0]) if static is None else _by_constants(build, data, static)
    result = build(
        QUANTIZED,
        found.codes,
        _own(build, _joined(build, weights, axis=1), str(nodes[0].outputs[0].name)),
        found.scale,
        _joined(build, scales, axis=0),
        found.zero_point,
        domain=MICROSOFT,
    )
    if found.row_scale is not None:
        result = build("Mul", result, found.row_scale)
    parts = build.split(result, [columns for _, columns in shapes]) if len(nodes) > 1 else [result]
    for node, part in zip(nodes, parts, strict=True):
        replace(graph, node, part)


def _stored(build: Builder, weight: ir.Value, store: Store) -> tuple[ir.Value, ir.Value]:
    """Return the int8 matrix `[in, out]` of a weight and its scales `[out]`, made once if layers share it."""
    name = f"{weight.name}.scale"
    if (known := build.find(name)) is not None:
        return build.find(unpacked(weight)) or weight, known
    matrix, scale = store(build, weight, True)
    return matrix, build.constant(name, scale)


def _joined(build: Builder, constants: list[ir.Value], axis: int) -> ir.Value:
    """Return constants side by side, joined once if layers share them."""
    if len(constants) == 1:
        return constants[0]
    name = ",".join(str(constant.name) for constant in constants)
    return build.find(name) or build("Concat", *constants, attributes={"axis": axis}, name=name)


def _own(build: Builder, weights: ir.Value, product: str) -> ir.Value:
    """Return the weights of a product, which are its own when a session has folded constants.

    Where x86 needs exact products, onnxruntime 1.32 fails at weights of two products, such as those that layers share.
    """
    if not any(use.node.op_type == QUANTIZED for use in weights.uses()):
        return weights
    shape = np.array([0, 0], np.int64)  # as it is; a constant of its own, or the nodes would be taken for one
    return build("Reshape", weights, build.constant(f"{product}.shape", shape), name=f"{product}.weights")


def _by_constants(build: Builder, data: ir.Value, static: StaticScale) -> _Codes:
    """Return the codes of `data` by a scale and a zero point that are the same for all, made once for all products."""
    scale = build.constant(scale_of(static.name), np.array(static.scale, np.float32))
    zero_point = build.constant(zero_point_of(static.name), np.array(static.zero_point, np.uint8))
    name = f"{data.name}.codes"
    codes = build.find(name) or build("QuantizeLinear", data, scale, zero_point, name=name)
    return _Codes(codes, scale, zero_point)


def _by_row(build: Builder, data: ir.Value, block_size: int) -> _Codes:
    """Return the codes of `data` with the scales `[…, 1]` of its rows, which are `block_size` long.

    A block of `QuantizeLinear` is a row: scales of any row need no division of the whole tensor beforehand.
    """
    step = build.constant("quantize.step", np.array(1 / INT8_MAX, np.float32))
    scale = build("Mul", _magnitudes(build, data), step, name=f"{data.name}.row_scale")
    zero_points = _zero_points(build, data, scale)
    codes = build("QuantizeLinear", data, scale, zero_points, attributes={"axis": -1, "block_size": block_size})
    one = build.constant("quantize.one", np.ones((), np.float32))
    return _Codes(codes, one, build.constant("quantize.zero_point", np.array(ZERO_POINT, np.uint8)), scale)


def _magnitudes(build: Builder, data: ir.Value) -> ir.Value:
    """Return max|x| of each row, `[…, 1]`; where an activation bounds x from below, at least that bound.

    `Abs` of what a GELU gave, four times as wide as the hidden states, would take 1 to 2 % of an answer's time.
    """
    axis = build.constant("quantize.axis", np.array([-1], np.int64))
    producer = data.producer()
    bound = REACH_BELOW.get(producer.op_type) if producer is not None and not producer.domain else None
    signed = data if bound is not None else build("Abs", data)
    largest = build("ReduceMax", signed, axis, attributes={"keepdims": 1})
    if not bound:
        return largest
    return build("Clip", largest, build.constant(f"quantize.reach.{bound}", np.array(bound, np.float32)))


def _zero_points(build: Builder, data: ir.Value, scale: ir.Value) -> ir.Value:
    """Return zero points in the shape of `scale`, the same tensor for all data that have as many rows.

    They are what `scale` itself is as codes of a scale beside which it is nothing: one node instead of two.
    """
    rows = ",".join(map(str, data.shape[:-1])) if data.shape is not None else str(data.name)
    name = f"quantize.zero_points[{rows}]"
    if (known := build.find(name)) is not None:
        return known
    beyond = build.constant("quantize.beyond", np.array(np.finfo(np.float32).max, np.float32))
    zero_point = build.constant("quantize.zero_point", np.array(ZERO_POINT, np.uint8))
    return build("QuantizeLinear", scale, beyond, zero_point, name=name)
