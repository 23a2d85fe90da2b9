"""Positions, which are the same for all rows, made ready for biases that differ by row."""

import numpy as np
import onnx_ir as ir
from onnx_ir.passes import InPlacePass, PassResult, PostconditionError, PreconditionError

from bitfit_exporters.errors import CaptureError
from bitfit_exporters.passes.biases import biases
from bitfit_exporters.passes.build import Builder, graph_input, replace, require_inputs
from bitfit_runtime.graph import BATCH, INPUT_IDS


class ExpandRotations(InPlacePass):
    """Give the tables of every `RotaryEmbedding` the batch axis that ONNX Runtime expects.

    Before: cosines and sines are `[1, sequence, n]`. After: `[batch, sequence, n]`, all rows alike.
    """

    def requires(self, model: ir.Model) -> None:
        """The graph has the input that tells the batch."""
        require_inputs(model.graph, INPUT_IDS)

    def call(self, model: ir.Model) -> PassResult:
        """Expand each table once, however many layers use it."""
        graph = model.graph
        expanded: dict[int, ir.Value] = {}
        for node in list(graph):
            for index, table in _rotation_tables(node):
                if id(table) not in expanded:
                    expanded[id(table)] = _expand(graph, table, node)
                node.replace_input_with(index, expanded[id(table)])
        return PassResult(model, modified=bool(expanded))

    def ensures(self, model: ir.Model) -> None:
        """Every table is expanded."""
        for node in model.graph:
            for _, table in _rotation_tables(node):
                producer = table.producer()
                if producer is None or producer.op_type != "Expand":
                    raise PostconditionError(f"the rotation table {table.name} is not expanded to the batch")


class SpreadRelativePositions(InPlacePass):
    """Let rows differ in the biases that meet relative-position embeddings (DeBERTa-v2).

    Before, with P `[positions, n]` the normalized embeddings without their bias b, and biases `[rows, 1, n]`: each
    projection is `Add(MatMul(Unsqueeze(Add(P, b)), W), c)` of shape `[1, positions, n]`, split into heads and tiled
    over the batch. After: `Add(Add(MatMul(Unsqueeze(P), W), MatMul(b, W)), c)`, of shape `[rows, positions, n]`, is
    expanded to the batch and then split. `MatMul(Unsqueeze(P), W)` is constant, so that a session computes it once,
    when it is made.
    """

    def requires(self, model: ir.Model) -> None:
        """The graph has the input that tells the batch, and biases are inputs, which is how they are recognized."""
        require_inputs(model.graph, INPUT_IDS)
        hidden = [bias for bias in biases(model.graph) if not bias.is_graph_input()]
        if hidden:
            raise PreconditionError(f"bias {hidden[0].name} is not an input yet")

    def call(self, model: ir.Model) -> PassResult:
        """Take the bias of the embeddings out of the products, then expand instead of tiling."""
        graph = model.graph
        for node in list(graph):
            add = _bias_add(graph, node.inputs[0]) if node.op_type == "Unsqueeze" else None
            if add is not None and add.inputs[0] is not None and add.inputs[0].shape and len(add.inputs[0].shape) == 2:
                _distribute(graph, node, add)
        tiles = [node for node in graph if node.op_type == "Tile"]
        for node in tiles:
            _expand_instead(graph, node)
        return PassResult(model, modified=bool(tiles))

    def ensures(self, model: ir.Model) -> None:
        """Nothing is tiled over the batch."""
        if any(node.op_type == "Tile" for node in model.graph):
            raise PostconditionError("a value is still tiled over the batch")


def _rotation_tables(node: ir.Node) -> list[tuple[int, ir.Value]]:
    """Return the cosines and sines of a `RotaryEmbedding`, each with its index among the inputs."""
    if node.op_type != "RotaryEmbedding":
        return []
    return [(index, table) for index, table in enumerate(node.inputs) if index in (1, 2) and table is not None]


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
        for user in list(product.uses()):
            build = Builder(graph, str(product.name), user.node)
            total = build("Add", product, build("MatMul", bias, weight, name=f"{product.name}.of_bias"))
            user.node.replace_input_with(user.idx, total)


def _expand_instead(graph: ir.Graph, tile: ir.Node) -> None:
    """Expand `[rows, positions, n]` to the batch before it is split into heads instead of tiling it afterwards."""
    path = [tile]
    while (node := path[-1].inputs[0].producer() if path[-1].inputs[0] else None) is not None:
        if node.op_type not in ("Expand", "Reshape", "Transpose"):
            break
        path.append(node)
    split = path[-1]
    shape = split.outputs[0].shape
    if node is None or _bias_add(graph, node.outputs[0]) is None or split.op_type != "Reshape" or shape is None:
        raise CaptureError("a value that is tiled over the batch is not a projection of relative positions")
    by_row = np.array([-1, *shape.numpy()[1:]], np.int64)
    build = Builder(graph, str(split.outputs[0].name), split)
    split.replace_input_with(0, _expand(graph, node.outputs[0], split))
    split.replace_input_with(1, build.constant(f"positions.{'x'.join(map(str, by_row))}", by_row))
    for step in (node, *path):  # what was recorded holds for one row
        step.outputs[0].shape = None
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
    expanded = Builder(graph, str(value.name), before)("Expand", value, shape)
    if value.shape is not None:
        expanded.shape, expanded.type = ir.Shape([BATCH, *value.shape[1:]]), value.type
    return expanded
