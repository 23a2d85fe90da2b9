"""Parameters of a base, read back from its graph, and the torch encoder that has them."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import onnx_ir as ir
import torch
from transformers import AutoConfig, AutoModel

from bitfit_exporters.encoder import add_missing_biases
from bitfit_runtime import Base
from bitfit_runtime.errors import BaseFormatError, first_line
from bitfit_runtime.formats import WeightSpec
from bitfit_runtime.formats.schema import CONFIG_FILE

Float32 = npt.NDArray[np.float32]


def read_parameters(base: Base) -> dict[str, Float32]:
    """Return every parameter by name, float32 in the checkpoint's shape: dequantized weights and default biases.

    Raises BaseFormatError when the graph lacks what its manifest lists, or keeps weights outside the base, and
    BaseIntegrityError when a file was altered or the graph was written for other weights.
    """
    base.verify()
    initializers = _read_graph(base).initializers

    def array(name: str) -> npt.NDArray[np.generic]:
        tensor = initializers[name].const_value if name in initializers else None
        if tensor is None:
            raise BaseFormatError(f"{base.model_path} has no initializer {name}; export the base again")
        try:
            return _inside(base, tensor).numpy()
        except (OSError, ValueError) as error:
            raise BaseFormatError(
                f"{base.model_path}: {name} cannot be read ({first_line(error)}); export the base again"
            ) from None

    parameters: dict[str, Float32] = {name: bias.copy() for name, bias in base.default_biases.items()}
    for weight in base.manifest.weights:
        try:
            values = _decode(weight, array)
        except ValueError as error:
            raise BaseFormatError(
                f"{weight.name} is not stored as {weight.dtype} ({error}); export the base again"
            ) from None
        if values.shape != weight.shape:
            raise BaseFormatError(
                f"{weight.name} should have shape {weight.shape}, found {values.shape}; export the base again"
            )
        parameters[weight.name] = np.ascontiguousarray(values)
    return parameters


def rebuild_encoder(base: Base) -> torch.nn.Module:
    """Return the encoder in float32 with the weights of the base, quantized ones dequantized.

    Biases trained on it learn around the quantization. Raises BaseFormatError when a parameter is missing.
    """
    config = AutoConfig.from_pretrained(base.folder / CONFIG_FILE)
    model: torch.nn.Module = AutoModel.from_config(config, dtype=torch.float32)
    add_missing_biases(model)
    state = {name: torch.from_numpy(array) for name, array in read_parameters(base).items()}
    missing = [name for name, _ in model.named_parameters() if name not in state and not name.startswith("pooler.")]
    if missing:
        raise BaseFormatError(
            f"{base.folder} lacks {len(missing)} parameters, {missing[0]} first; export the base again"
        )
    model.load_state_dict(state, strict=False)
    return model


def _read_graph(base: Base) -> ir.Graph:
    try:
        model = ir.load(base.model_path)
    except Exception as error:  # protobuf's decoding errors share no base class
        raise BaseFormatError(
            f"{base.model_path} is not an ONNX graph ({first_line(error)}); export the base again"
        ) from None
    base.check_weights(model.metadata_props)
    return model.graph


def _inside(base: Base, tensor: ir.TensorProtocol) -> ir.TensorProtocol:
    """Return a tensor that can be read. Raises ValueError when it is in a file that the manifest does not list.

    Without a folder, onnx_ir follows links and accepts files of several names, as caches and package stores make them.
    ONNX Runtime does so too, and the file's digest was verified.
    """
    if not isinstance(tensor, ir.ExternalTensor):
        return tensor
    if tensor.location not in base.manifest.files:
        raise ValueError(f"it is in {str(tensor.location)!r}, outside the files of the base")
    path = base.folder / tensor.location
    return ir.ExternalTensor(path, tensor.offset, tensor.length, tensor.dtype, shape=tensor.shape, name=tensor.name)


def _decode(weight: WeightSpec, array: Callable[[str], npt.NDArray[np.generic]]) -> Float32:
    """Return a weight in the checkpoint's orientation. `array` gives the initializer of a name."""
    stored = array(weight.name).astype(np.float32)
    if weight.dtype == "int4":  # code × multiplier is a small integer, exact in float32
        multiplier = array(f"{weight.name}.multiplier").astype(np.float32).reshape(-1, 1)
        values = (stored.reshape(len(multiplier), -1) * multiplier).reshape(weight.shape)
    else:
        values = stored.T if weight.transposed else stored
    if weight.dtype == "float32":
        return values
    scale = array(f"{weight.name}.scale").astype(np.float32)
    return values * scale.reshape(-1, *(1,) * (values.ndim - 1))
