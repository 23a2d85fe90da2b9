"""Biases for models that have none, so that BitFit works on them too."""

import torch
from torch import nn


def add_missing_biases(encoder: nn.Module) -> None:
    """Give every linear layer and every LayerNorm of `encoder` that lacks a bias one of zeros `[n]`.

    Answers stay the same. This is the one rule for all families, applied wherever an encoder is made: loaded from a
    checkpoint or rebuilt from a base. Norms of other kinds (RMSNorm) have no bias by design and get none.
    """
    for module in encoder.modules():
        if isinstance(module, nn.Linear | nn.LayerNorm) and module.bias is None:
            module.bias = nn.Parameter(torch.zeros(module.weight.shape[0], dtype=module.weight.dtype))
