"""Canonical form of a finished graph: equal computations make equal files."""

import onnx_ir as ir
from onnx_ir.passes import InPlacePass, PassResult, PostconditionError

from bitfit_exporters.passes.build import MICROSOFT


class SortNodes(InPlacePass):
    """Put nodes in the order in which the outputs need them, and name nodes, values and constants after it.

    Before: an order and names that the exporter chose, which may differ from run to run (transformers iterates over
    sets of strings). After: equal computations make equal graphs, without nodes or constants that no output needs.
    Names with a dot stay: those of parameters, and of constants that the passes made.
    """

    def call(self, model: ir.Model) -> PassResult:
        """Rebuild the lists of nodes and of initializers."""
        graph = model.graph
        nodes = _needed(graph)
        interface = _interface(graph)
        constants: dict[str, ir.Value] = {}
        graph.remove(list(graph))
        graph.extend(nodes)
        for index, node in enumerate(nodes):
            node.name = f"{node.op_type}_{index}"
            for output, value in enumerate(node.outputs):
                if value not in interface:
                    value.name = f"{node.name}_{output}"
            constants |= {str(v.name): v for v in node.inputs if v is not None and v.is_initializer()}
        graph.initializers.clear()
        for index, (name, value) in enumerate(constants.items()):
            value.name = name if "." in name else f"constant_{index}"
            graph.initializers[value.name] = value
        return PassResult(model, modified=True)

    def ensures(self, model: ir.Model) -> None:
        """Each node comes after those that it needs."""
        done: set[ir.Value] = set()
        for node in model.graph:
            for value in node.inputs:
                if value is not None and value.producer() is not None and value not in done:
                    raise PostconditionError(f"{node.name} comes before {value.name}, which it needs")
            done |= set(node.outputs)


class Strip(InPlacePass):
    """Drop debugging metadata and inferred shapes.

    Without the recorded shapes ONNX Runtime infers that biases may differ by row, and so does not fuse the residual
    `Add` into `SkipLayerNormalization`, which is several times slower than `Add` and `LayerNormalization`.
    The result depends neither on the machine nor on any name or folder, so equal weights make equal bytes.
    """

    def call(self, model: ir.Model) -> PassResult:
        """Clear everything that does not change what is computed."""
        graph = model.graph
        interface = _interface(graph)
        for node in graph:
            node.doc_string = None
            node.metadata_props.clear()
            for value in node.outputs:
                value.metadata_props.clear()
                if value not in interface:
                    value.shape, value.type = None, None
        for value in (*graph.inputs, *graph.initializers.values()):
            value.metadata_props.clear()
        graph.name, graph.doc_string = "bitfit-base", None
        graph.metadata_props.clear()
        model.metadata_props.clear()
        model.doc_string = None
        model.producer_name, model.producer_version = "bitfit-edge", None
        model.opset_imports[MICROSOFT] = 1
        return PassResult(model, modified=True)

    def ensures(self, model: ir.Model) -> None:
        """Inputs and outputs keep their shapes, which a session reports."""
        for value in _interface(model.graph):
            if value.shape is None or value.dtype is None:
                raise PostconditionError(f"{value.name} has lost its shape")


def _interface(graph: ir.Graph) -> set[ir.Value]:
    return {*graph.inputs, *graph.outputs}


def _needed(graph: ir.Graph) -> list[ir.Node]:
    """Return the nodes that the outputs need, each after those that it needs itself."""
    done: dict[ir.Node, None] = {}
    waiting = [producer for value in reversed(graph.outputs) if (producer := value.producer())]
    while waiting:
        node = waiting[-1]
        before = [p for value in reversed(node.inputs) if value is not None and (p := value.producer())]
        missing = [producer for producer in before if producer not in done]
        waiting.extend(missing)
        if not missing:
            done[waiting.pop()] = None
    return list(done)
