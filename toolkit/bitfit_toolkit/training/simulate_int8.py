"""Simulation of the int8 rows of the graph in torch, so that biases learn around them."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from bitfit_runtime.formats import Manifest

MAX_CODE = 127


@contextmanager
def quantized_rows(encoder: torch.nn.Module, base: Manifest) -> Iterator[None]:
    """Within the block, inputs of the layers whose weights the base stores as codes are rounded as its graph does.

    Gradients pass straight through the rounding (Bengio, Léonard and Courville, 2013, arXiv:1308.3432).
    """
    coded = {spec.name for spec in base.weights if spec.dtype != "float32"}
    hooks = [
        module.register_forward_pre_hook(_round_rows)
        for name, module in encoder.named_modules()
        if isinstance(module, torch.nn.Linear) and f"{name}.weight" in coded
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _round_rows(_: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
    values = inputs[0]
    with torch.no_grad():
        largest = values.abs().amax(-1, keepdim=True)
        step = torch.where(largest > 0, largest, torch.ones_like(largest)) / MAX_CODE
        rounded = torch.round(values / step) * step
    return (values + (rounded - values).detach(), *inputs[1:])
