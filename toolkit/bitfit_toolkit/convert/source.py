"""Whether weights that someone trained with are those that a base was made from."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from bitfit_exporters.passes.weights import quantize_blocks, quantize_rows
from bitfit_exporters.read_back import StaticRounding, read_parameters, read_static_roundings
from bitfit_runtime import Base
from bitfit_runtime.formats import WeightSpec
from bitfit_toolkit.errors import ConversionError

Float32 = npt.NDArray[np.float32]
# Rounding may fall to the other side where a weight lies midway between two codes; another processor divides alike.
MIDWAY = 1e-4


def check_same_weights(base: Base, weights: Mapping[str, Float32], where: str, partly: bool = False) -> None:
    """Compare frozen weights, by the encoder's names, with those of the base: rounded as the base rounds them.

    With `partly` some may be missing. Raises ConversionError: biases mean nothing beside other weights than they were
    trained with.
    """
    stored, static = read_parameters(base), read_static_roundings(base)
    for spec in base.manifest.weights:
        if spec.name not in weights:
            if partly:
                continue
            raise ConversionError(f"{where} lacks {spec.name}, which the base has; give the whole checkpoint")
        found = weights[spec.name]
        if found.shape != spec.shape:
            raise ConversionError(f"{where}: {spec.name} has shape {list(found.shape)}, the base's {list(spec.shape)}")
        expected = _rounded(found, spec, static.get(spec.name))
        near = np.abs(expected - stored[spec.name]) <= 1e-6 * max(float(np.abs(expected).max()), 1e-30)
        if (~near).mean() > (0 if spec.dtype == "float32" else MIDWAY):
            raise ConversionError(
                f"{where}: {spec.name} differs from the base's in {(~near).mean():.1%} of its numbers: more than "
                "biases and a head was trained, or on another model, and a pack cannot hold weights; export that model"
            )


def _rounded(weight: Float32, spec: WeightSpec, static: StaticRounding | None) -> Float32:
    """Return a weight as the base would store and decode it."""
    if spec.dtype == "float32":
        return weight
    factors = 1.0 if static is None else static.factors
    divided = (weight / factors).astype(np.float32)
    if spec.dtype == "int8":
        codes, scale = quantize_rows(divided)
        values = codes.astype(np.float32)
    else:
        blocks, multipliers, scale = quantize_blocks(divided)
        values = (blocks.astype(np.float32) * multipliers).reshape(weight.shape)
    rounded: Float32 = (values * scale[:, None] * factors).astype(np.float32)
    return rounded
