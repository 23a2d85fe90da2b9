"""Remove what a runtime does not need."""

import onnx_ir as ir


def strip(model: ir.Model) -> None:
    """Drop unused initializers, debugging metadata and inferred shapes.

    Without the recorded shapes ONNX Runtime infers that biases may differ by row, and so does not fuse the residual
    `Add` into `SkipLayerNormalization`, which is several times slower than `Add` and `LayerNormalization`.
    The result depends neither on the machine nor on any name or folder, so equal weights make equal bytes.
    """
    graph = model.graph
    order(graph)
    interface = {id(value) for value in (*graph.inputs, *graph.outputs)}
    for node in graph:
        node.doc_string = None
        node.metadata_props.clear()
        for value in node.outputs:
            value.metadata_props.clear()
            if id(value) not in interface:
                value.shape = None
                value.type = None
    for value in (*graph.inputs, *graph.initializers.values()):
        value.metadata_props.clear()
    graph.name, graph.doc_string = "bitfit-base", None
    graph.metadata_props.clear()
    model.metadata_props.clear()
    model.doc_string = None
    model.producer_name, model.producer_version = "bitfit-edge", None
    model.opset_imports["com.microsoft"] = 1


def order(graph: ir.Graph) -> None:
    """Put nodes in the order in which the outputs need them, and name nodes, values and constants after it.

    Before: an order and names that the exporter chose, which may differ from run to run (transformers walks over sets
    of strings). After: equal computations make equal graphs, without nodes that no output needs. Names with a dot stay:
    those of parameters, and of constants that the passes made.
    """
    nodes = _needed(graph)
    interface = {id(value) for value in (*graph.inputs, *graph.outputs)}
    constants: dict[str, ir.Value] = {}
    graph.remove(list(graph))
    graph.extend(nodes)
    for index, node in enumerate(nodes):
        node.name = f"{node.op_type}_{index}"
        for place, value in enumerate(node.outputs):
            if id(value) not in interface:
                value.name = f"{node.name}_{place}"
        constants |= {str(v.name): v for v in node.inputs if v is not None and v.is_initializer()}
    graph.initializers.clear()
    for index, (name, value) in enumerate(constants.items()):
        value.name = name if "." in name else f"constant_{index}"
        graph.initializers[value.name] = value


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
