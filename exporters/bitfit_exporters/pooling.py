"""Pooling in torch, as the exported graph does it."""

import torch


def pool(output: object, mask: torch.Tensor, pooling: str) -> torch.Tensor:
    """Pool a transformers encoder's output as the graph does: `[batch, hidden]`."""
    if pooling == "pooler":
        pooled: torch.Tensor = output.pooler_output  # type: ignore[attr-defined]
        return pooled
    hidden: torch.Tensor = output.last_hidden_state  # type: ignore[attr-defined]
    if pooling == "cls":
        return hidden[:, 0]
    weights = mask.unsqueeze(-1).to(hidden.dtype)
    return (hidden * weights).sum(1) / weights.sum(1)
