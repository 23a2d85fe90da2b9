"""Remove what a runtime does not need."""

import onnx_ir as ir

from bitfit_exporters.passes.order import order


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
