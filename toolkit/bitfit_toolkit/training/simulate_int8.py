"""Simulation of the 8-bit activations of the graph in torch, so that biases learn around them."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from bitfit_exporters.read_back import StaticRounding, read_static_roundings
from bitfit_runtime import Base

MAX_CODE = 127
MAX_STATIC_CODE = 255
Inputs = tuple[torch.Tensor, ...]


@contextmanager
def rounded_activations(encoder: torch.nn.Module, base: Base) -> Iterator[None]:
    """Within the block, inputs of the layers whose weights the base stores as codes are rounded as its graph does.

    Gradients pass straight through the rounding (Bengio, Léonard and Courville, 2013, arXiv:1308.3432).
    """
    coded = {spec.name for spec in base.manifest.weights if spec.dtype != "float32"}
    static = read_static_roundings(base)
    hooks = []
    for name, module in encoder.named_modules():
        weight = f"{name}.weight"
        if isinstance(module, torch.nn.Linear) and weight in coded:
            hook = _Static(static[weight]) if weight in static else _round_rows
            hooks.append(module.register_forward_pre_hook(hook))
    try:
        yield
    finally:
        for handle in hooks:
            handle.remove()


class _Static:
    """Rounds by the constants of a base; what lies outside their range is cut off."""

    def __init__(self, rounding: StaticRounding) -> None:
        self._factors = torch.as_tensor(rounding.factors)
        self._scale, self._zero_point = rounding.scale, rounding.zero_point

    def __call__(self, _: torch.nn.Module, inputs: Inputs) -> Inputs:
        values = inputs[0]
        self._factors = self._factors.to(values.device)
        with torch.no_grad():
            codes = torch.round(values * self._factors / self._scale)
            codes = codes.clamp(-self._zero_point, MAX_STATIC_CODE - self._zero_point)
            rounded = codes * self._scale / self._factors
        return (values + (rounded - values).detach(), *inputs[1:])


def _round_rows(_: torch.nn.Module, inputs: Inputs) -> Inputs:
    values = inputs[0]
    with torch.no_grad():
        largest = values.abs().amax(-1, keepdim=True)
        step = torch.where(largest > 0, largest, torch.ones_like(largest)) / MAX_CODE
        rounded = torch.round(values / step) * step
    return (values + (rounded - values).detach(), *inputs[1:])
