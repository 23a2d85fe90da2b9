"""Biases as inputs of the graph, each with its pretrained value as the default."""

import onnx_ir as ir
from onnx_ir.passes import InPlacePass, PassResult, PostconditionError, PreconditionError

from bitfit_exporters.families import Family
from bitfit_exporters.passes.build import Builder, replace
from bitfit_runtime.graph import ROWS


class ExposeBiases(InPlacePass):
    """Make every initializer named `*.bias` an input of shape `[rows, 1, n]` too.

    Before: biases are constants `[n]` of terms that the family knows; norms take theirs as third input. After: each
    bias feeds `Add` nodes only, so that rows may be 1 or the batch size.
    """

    def __init__(self, family: Family) -> None:
        self._family = family

    def requires(self, model: ir.Model) -> None:
        """Every bias is a constant `[n]` of a known term."""
        for bias in biases(model.graph):
            if self._family.term(str(bias.name)) is None:
                raise PreconditionError(f"bias {bias.name} does not belong to a known term of its family")
            if bias.const_value is None or len(bias.const_value.shape) != 1:
                raise PreconditionError(f"bias {bias.name} is not a constant vector")

    def call(self, model: ir.Model) -> PassResult:
        """Split the biases off the norms, and list all biases as inputs."""
        graph = model.graph
        for node in list(graph):
            if node.op_type == "LayerNormalization" and len(node.inputs) == 3 and node.inputs[2] is not None:
                _split_norm(graph, node)
        exposed = biases(graph)
        for bias in exposed:
            assert bias.const_value is not None
            array = bias.const_value.numpy()
            bias.const_value = ir.tensor(array.reshape(1, 1, -1), name=bias.name)
            bias.shape = ir.Shape([ROWS, 1, array.size])
            graph.inputs.append(bias)
        return PassResult(model, modified=bool(exposed))

    def ensures(self, model: ir.Model) -> None:
        """Every bias is an input that feeds `Add` alone."""
        for bias in biases(model.graph):
            others = {use.node.op_type for use in bias.uses()} - {"Add"}
            if others or not bias.is_graph_input():
                raise PostconditionError(f"bias {bias.name} feeds {', '.join(sorted(others))}, expected only Add")


def biases(graph: ir.Graph) -> list[ir.Value]:
    """Return the initializers that are biases."""
    return [value for name, value in graph.initializers.items() if name.endswith(".bias")]


def _split_norm(graph: ir.Graph, node: ir.Node) -> None:
    """LayerNormalization with a `[rows, 1, n]` bias rounds differently for rows = 1 and rows = batch; Add does not."""
    data, scale, bias = node.inputs
    assert data is not None and scale is not None and bias is not None
    build = Builder(graph, str(node.outputs[0].name), node)
    normalized = build("LayerNormalization", data, scale, attributes=dict(node.attributes))
    normalized.shape, normalized.type = node.outputs[0].shape, node.outputs[0].type
    replace(graph, node, build("Add", normalized, bias))
