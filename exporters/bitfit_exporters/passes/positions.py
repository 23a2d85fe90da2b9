"""Positions that know no batch, made ready for biases that differ by row."""

import numpy as np
import onnx_ir as ir

from bitfit_exporters.errors import CaptureError
from bitfit_exporters.passes.build import Builder, graph_input, replace
from bitfit_runtime.graph import INPUT_IDS


def expand_rotations(graph: ir.Graph) -> None:
    """Give the tables of every `RotaryEmbedding` the batch axis that onnxruntime asks for.

    Before: cosines and sines are `[1, sequence, n]`. After: `[batch, sequence, n]`, all rows alike.
    """
    expanded: dict[int, ir.Value] = {}
    for node in list(graph):
        for place, table in enumerate(node.inputs) if node.op_type == "RotaryEmbedding" else ():
            if place in (1, 2) and table is not None:
                if id(table) not in expanded:
                    expanded[id(table)] = _expand(graph, table, node)
                node.replace_input_with(place, expanded[id(table)])


def spread_relative_positions(graph: ir.Graph) -> None:
    """Let rows differ in the biases that meet relative-position embeddings (DeBERTa-v2).

    Before, with P `[places, n]` the normed embeddings without their bias b, and biases `[rows, 1, n]`: each projection
    is `Add(MatMul(Unsqueeze(Add(P, b)), W), c)` of shape `[1, places, n]`, split into heads and tiled over the batch.
    After: `Add(Add(MatMul(Unsqueeze(P), W), MatMul(b, W)), c)`, of shape `[rows, places, n]`, is expanded to the batch
    and then split. `MatMul(Unsqueeze(P), W)` is constant, so that a session computes it once, when it is made.
    """
    for node in list(graph):
        add = _bias_add(graph, node.inputs[0]) if node.op_type == "Unsqueeze" else None
        if add is not None and add.inputs[0] is not None and add.inputs[0].shape and len(add.inputs[0].shape) == 2:
            _distribute(graph, node, add)
    for node in list(graph):
        if node.op_type == "Tile":
            _expand_instead(graph, node)


def _distribute(graph: ir.Graph, unsqueeze: ir.Node, add: ir.Node) -> None:
    """Turn `MatMul(Unsqueeze(P + b), W)` into `MatMul(Unsqueeze(P), W) + MatMul(b, W)`."""
    positions, bias = add.inputs
    assert positions is not None and bias is not None
    unsqueeze.replace_input_with(0, positions)
    graph.remove(add, safe=True)
    for use in list(unsqueeze.outputs[0].uses()):
        weight, product = use.node.inputs[1], use.node.outputs[0]
        if use.node.op_type != "MatMul" or weight is None:
            raise CaptureError(f"relative positions feed {use.node.op_type}, expected MatMul with a weight")
        for place in list(product.uses()):
            build = Builder(graph, str(product.name), place.node)
            moved = build("Add", product, build("MatMul", bias, weight, name=f"{product.name}.moved"))
            place.node.replace_input_with(place.idx, moved)


def _expand_instead(graph: ir.Graph, tile: ir.Node) -> None:
    """Expand `[rows, places, n]` to the batch before it is split into heads instead of tiling it afterwards."""
    path = [tile]
    while (node := path[-1].inputs[0].producer() if path[-1].inputs[0] else None) is not None:
        if node.op_type not in ("Expand", "Reshape", "Transpose"):
            break
        path.append(node)
    split = path[-1]
    shape = split.outputs[0].shape
    if node is None or _bias_add(graph, node.outputs[0]) is None or split.op_type != "Reshape" or shape is None:
        raise CaptureError("a value that is tiled over the batch is no projection of relative positions")
    by_row = np.array([-1, *shape.numpy()[1:]], np.int64)
    build = Builder(graph, str(split.outputs[0].name), split)
    split.replace_input_with(0, _expand(graph, node.outputs[0], split))
    split.replace_input_with(1, build.constant(f"positions.{'x'.join(map(str, by_row))}", by_row))
    merged = next(step for step in path if step.op_type == "Reshape")
    replace(graph, tile, merged.outputs[0])
    for step in path[1 : path.index(merged)]:
        graph.remove(step, safe=True)


def _bias_add(graph: ir.Graph, value: ir.Value | None) -> ir.Node | None:
    """Return the node that made `value` by adding a bias, None if it was made in another way."""
    node = None if value is None else value.producer()
    return node if node is not None and node.op_type == "Add" and node.inputs[1] in graph.inputs else None


def _expand(graph: ir.Graph, value: ir.Value, before: ir.Node) -> ir.Value:
    """Return `value` with its first axis expanded to the batch."""
    build = Builder(graph, "batch", next(iter(graph)))
    shape = build.find("batch.shape")
    if shape is None:
        batch = build("Shape", graph_input(graph, INPUT_IDS), attributes={"start": 0, "end": 1})
        ones = build.constant("batch.ones", np.ones(2, np.int64))
        shape = build("Concat", batch, ones, attributes={"axis": 0}, name="batch.shape")
    return Builder(graph, str(value.name), before)("Expand", value, shape)
