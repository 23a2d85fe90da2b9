"""Parameters of a base, read back from its graph, and the torch encoder that has them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from transformers import AutoConfig, AutoModel

from bitfit_exporters.base_graph import read_model
from bitfit_exporters.encoder import add_missing_biases
from bitfit_exporters.passes.smoothing import factors_of, scale_of, zero_point_of
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
    array = _Initializers(base)
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


@dataclass(frozen=True, slots=True)
class StaticRounding:
    """How a base rounds the inputs of a linear layer: code = round(value × factor / scale) + zero point, in 8 bits."""

    factors: Float32 | float
    scale: float
    zero_point: int


def read_static_roundings(base: Base) -> dict[str, StaticRounding]:
    """Return the static roundings of a base's inputs by the name of the weight that multiplies them.

    Weights whose inputs have a scale for each row are left out. Raises as `read_parameters`.
    """
    array = _Initializers(base)
    found: dict[str, StaticRounding] = {}
    for weight in base.manifest.weights:
        if weight.static is not None:
            scale, zero_point = (array(name).item() for name in (scale_of(weight.static), zero_point_of(weight.static)))
            found[weight.name] = StaticRounding(array.factors(weight), float(scale), int(zero_point))
    return found


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


class _Initializers:
    """The constants of a base's graph by name. Raises BaseFormatError on one that is missing or cannot be read."""

    def __init__(self, base: Base) -> None:
        self._base, self._found = base, read_model(base).graph.initializers

    def __contains__(self, name: str) -> bool:
        return name in self._found

    def __call__(self, name: str) -> npt.NDArray[np.generic]:
        tensor = self._found[name].const_value if name in self._found else None
        if tensor is None:
            raise BaseFormatError(f"{self._base.model_path} has no initializer {name}; export the base again")
        try:
            return tensor.numpy()
        except (OSError, ValueError) as error:
            raise BaseFormatError(
                f"{self._base.model_path}: {name} cannot be read ({first_line(error)}); export the base again"
            ) from None

    def factors(self, weight: WeightSpec) -> Float32 | float:
        """Return what multiplies the inputs of a weight before they are rounded, `[in]`, 1 where nothing does."""
        name = "" if weight.static is None else factors_of(weight.static)
        return self(name).astype(np.float32) if name in self else 1.0


def _decode(weight: WeightSpec, array: _Initializers) -> Float32:
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
    return values * scale.reshape(-1, *(1,) * (values.ndim - 1)) * array.factors(weight)
