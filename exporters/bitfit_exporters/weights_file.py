"""The graph and its weights as two files, so that ONNX Runtime maps the weights instead of copying them."""

from pathlib import Path

import onnx_ir as ir
from onnx_ir.external_data import convert_tensors_to_external

from bitfit_runtime.formats.base import file_digest
from bitfit_runtime.formats.schema import MODEL_FILE, WEIGHTS_DIGEST, WEIGHTS_FILE

# What is smaller stays in the graph; each tensor of the file begins on a page.
PAGE = 4096


def write_graph(model: ir.Model, folder: Path) -> int:
    """Write the graph to `model.onnx` and its large constants to `model.weights`. Returns the bytes of both.

    Defaults of inputs stay in the graph. Its metadata hold the weights' SHA-256, so that the digest of the graph
    identifies the weights too. Equal models make equal files.
    """
    values = [
        value
        for value in model.graph.initializers.values()
        if not value.is_graph_input() and value.const_value is not None and value.const_value.nbytes >= PAGE
    ]
    tensors = [value.const_value for value in values if value.const_value is not None]
    moved = convert_tensors_to_external(tensors, folder, WEIGHTS_FILE, alignment=PAGE, align_threshold=0)
    for value, tensor in zip(values, moved, strict=True):
        value.const_value = tensor
    model.metadata_props[WEIGHTS_DIGEST] = file_digest(folder / WEIGHTS_FILE)
    ir.save(model, folder / MODEL_FILE)
    return sum((folder / name).stat().st_size for name in (MODEL_FILE, WEIGHTS_FILE))
