"""The graph of a base, read back from its files."""

import onnx_ir as ir

from bitfit_runtime import Base
from bitfit_runtime.errors import BaseFormatError, first_line


def read_model(base: Base) -> ir.Model:
    """Return the graph of a base, and its weights where they can be read.

    Files are not compared with their digests. Raises BaseFormatError when it is no graph or keeps weights outside the
    base, and BaseIntegrityError when it was written for other weights.
    """
    try:
        model = ir.load(base.model_path)
    except Exception as error:  # protobuf's decoding errors share no base class
        raise BaseFormatError(
            f"{base.model_path} is not an ONNX graph ({first_line(error)}); export the base again"
        ) from None
    base.check_weights(model.metadata_props)
    for graph in model.graphs():
        for value in graph.initializers.values():
            if isinstance(value.const_value, ir.ExternalTensor):
                value.const_value = _inside(base, value.const_value)
    return model


def _inside(base: Base, tensor: ir.ExternalTensor) -> ir.ExternalTensor:
    """Return a tensor that can be read. Raises BaseFormatError when it is in a file that the manifest does not list.

    Without a folder, onnx_ir follows links and accepts files of several names, as caches and package stores make them.
    ONNX Runtime does so too, and the file's digest was verified.
    """
    if tensor.location not in base.manifest.files:
        raise BaseFormatError(
            f"{base.model_path}: {tensor.name} is in {str(tensor.location)!r}, outside the files of the base; export "
            "the base again"
        )
    path = base.folder / tensor.location
    return ir.ExternalTensor(path, tensor.offset, tensor.length, tensor.dtype, shape=tensor.shape, name=tensor.name)
