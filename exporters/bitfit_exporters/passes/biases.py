"""Expose every bias as a graph input with a default."""

import onnx_ir as ir

from bitfit_exporters.errors import CaptureError
from bitfit_exporters.families import Family
from bitfit_exporters.passes.build import Builder, replace
from bitfit_runtime.graph import ROWS


def expose_biases(graph: ir.Graph, family: Family) -> None:
    """Make every initializer named `*.bias` also an input of shape `[rows, 1, n]`.

    Before: biases are 1-D initializers; norms take theirs as third input. After: each bias feeds `Add` nodes only, so
    rows may be 1 or the batch size. Raises CaptureError when the family does not know a bias.
    """
    for node in list(graph):
        if node.op_type == "LayerNormalization" and len(node.inputs) == 3 and node.inputs[2] is not None:
            _split_norm(graph, node)
    for bias in [value for name, value in graph.initializers.items() if name.endswith(".bias")]:
        if family.term(str(bias.name)) is None:
            raise CaptureError(f"bias {bias.name} belongs to no known term of this family")
        strangers = {use.node.op_type for use in bias.uses()} - {"Add"}
        if strangers or bias.const_value is None:
            raise CaptureError(f"bias {bias.name} feeds {', '.join(strangers)}, expected only Add")
        array = bias.const_value.numpy()
        bias.const_value = ir.tensor(array.reshape(1, 1, -1), name=bias.name)
        bias.shape = ir.Shape([ROWS, 1, array.size])
        graph.inputs.append(bias)


def _split_norm(graph: ir.Graph, node: ir.Node) -> None:
    """LayerNormalization with a `[rows, 1, n]` bias rounds differently for rows = 1 and rows = batch; Add does not."""
    data, scale, bias = node.inputs
    assert data is not None and scale is not None and bias is not None
    build = Builder(graph, str(node.outputs[0].name), node)
    replace(graph, node, build("Add", build("LayerNormalization", data, scale, attributes=dict(node.attributes)), bias))
