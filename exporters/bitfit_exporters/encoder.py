"""The torch encoder: what it is given before a graph is made of it, and what the graph computes, in torch."""

import inspect
from typing import Any

import torch

from bitfit_runtime.graph import ATTENTION_MASK, INPUT_IDS, TOKEN_TYPE_IDS


def add_missing_biases(encoder: torch.nn.Module) -> None:
    """Give every linear layer and every LayerNorm of `encoder` that lacks a bias one of zeros `[n]`.

    Answers stay the same. This is the one rule for all families, applied wherever an encoder is made: loaded from a
    checkpoint or rebuilt from a base. Norms of other kinds (RMSNorm) have no bias by design and get none.
    """
    for module in encoder.modules():
        if isinstance(module, torch.nn.Linear | torch.nn.LayerNorm) and module.bias is None:
            module.bias = torch.nn.Parameter(torch.zeros(module.weight.shape[0], dtype=module.weight.dtype))


def token_inputs(encoder: torch.nn.Module, config: Any) -> tuple[str, ...]:
    """Return the token inputs of an encoder; segments only where it tells more than one apart."""
    takes_types = TOKEN_TYPE_IDS in inspect.signature(encoder.forward).parameters
    segments = getattr(config, "type_vocab_size", 0) or 0
    return (INPUT_IDS, ATTENTION_MASK, *((TOKEN_TYPE_IDS,) if takes_types and segments > 1 else ()))


def pool(output: object, mask: torch.Tensor, pooling: str) -> torch.Tensor:
    """Pool a transformers encoder's output as the graph does: `[batch, hidden]`.

    `mask` `[batch, sequence]` is 1 for real tokens; `pooling` is one of `bitfit_runtime.graph.POOLINGS`.
    """
    if pooling == "pooler":
        pooled: torch.Tensor = output.pooler_output  # type: ignore[attr-defined]
        return pooled
    hidden: torch.Tensor = output.last_hidden_state  # type: ignore[attr-defined]
    if pooling == "cls":
        return hidden[:, 0]
    weights = mask.unsqueeze(-1).to(hidden.dtype)
    return (hidden * weights).sum(1) / weights.sum(1)
