"""Losses in torch, with class weights and ignored targets."""

import numpy as np
import numpy.typing as npt
import torch
from torch.nn.functional import cross_entropy

from bitfit_toolkit.tasks.base import CONTINUED, IGNORED


def weights_for(raw: torch.Tensor, weights: npt.NDArray[np.float32] | None) -> torch.Tensor | None:
    """Return class weights on the device of `raw`, None where classes count alike."""
    return None if weights is None else torch.from_numpy(weights).to(raw.device)


def weighted_cross_entropy(
    raw: torch.Tensor, targets: torch.Tensor, weights: npt.NDArray[np.float32] | None
) -> torch.Tensor:
    """Return the cross-entropy of logits `[n, classes]`, times the target's weight, averaged over targets not IGNORED.

    torch's own mean divides by the weights of the batch, which cancels them where a batch holds one class. Without any
    target (every answer of a batch was cut away, say) the loss is 0, not NaN.
    """
    losses = cross_entropy(raw.float(), targets, weights_for(raw, weights), ignore_index=IGNORED, reduction="none")
    return losses.sum() / (targets != IGNORED).sum().clamp(min=1)


def word_means(raw: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return logits `[batch, tokens, labels]` of which a word's first token has the mean over the word, and targets.

    Tokens whose target is CONTINUED belong to the word that began last before them; their target becomes IGNORED.
    """
    places = torch.arange(targets.shape[1], device=targets.device)
    continued = targets == CONTINUED
    owners = torch.where(continued, 0, places).cummax(1).values
    raw = raw.float()
    sums = torch.zeros_like(raw).scatter_add(1, owners[..., None].expand_as(raw), raw)
    counts = torch.zeros_like(owners).scatter_add(1, owners, torch.ones_like(owners))
    return sums / counts.clamp(min=1)[..., None], targets.masked_fill(continued, IGNORED)
