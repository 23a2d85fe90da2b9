"""A frozen encoder, its trainable biases, and one linear head."""

from collections.abc import Iterable, Mapping

import numpy as np
import torch

from bitfit_exporters.verify import pool
from bitfit_runtime import Base
from bitfit_runtime.contract import ATTENTION_MASK, HEAD_BIAS, HEAD_WEIGHT
from bitfit_toolkit.rebuild import rebuild_encoder


class BitfitClassifier(torch.nn.Module):
    """Classifies pooled vectors. Only the biases named in `biases` and the head learn."""

    def __init__(self, base: Base, labels: int, biases: Iterable[str]) -> None:
        super().__init__()
        self.encoder = rebuild_encoder(base)
        self.pooling = base.manifest.pooling
        self.head = torch.nn.Linear(base.manifest.hidden_size, labels)
        self.biases = frozenset(biases)
        for name, parameter in self.encoder.named_parameters():
            parameter.requires_grad_(name in self.biases)

    def forward(
        self,
        labels: torch.Tensor | None = None,
        pooled: torch.Tensor | None = None,
        **tokens: torch.Tensor,
    ) -> dict[str, torch.Tensor]:
        """Return `logits [batch, labels]` and, given `labels [batch]`, the mean cross-entropy as `loss`.

        `tokens` are the base's token inputs `[batch, sequence]`; `pooled [batch, hidden]` stands in for them when the
        encoder does not learn.
        """
        logits = self.head(self._pool(tokens) if pooled is None else pooled)
        if labels is None:
            return {"logits": logits}
        return {"loss": torch.nn.functional.cross_entropy(logits.float(), labels), "logits": logits}

    @torch.no_grad()
    def features(self, **tokens: torch.Tensor) -> torch.Tensor:
        """Return pooled vectors `[batch, hidden]` on the CPU, without dropout."""
        self.eval()
        device = self.head.weight.device
        return self._pool({name: value.to(device) for name, value in tokens.items()}).float().cpu()

    def _pool(self, tokens: Mapping[str, torch.Tensor]) -> torch.Tensor:
        return pool(self.encoder(**tokens), tokens[ATTENTION_MASK], self.pooling)

    def tensors(self) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
        """Return what a pack holds: the trained biases `[n]`, `head.weight [hidden, labels]`, `head.bias [labels]`."""
        trained = {name: p for name, p in self.encoder.named_parameters() if name in self.biases}
        head = {HEAD_WEIGHT: self.head.weight.T, HEAD_BIAS: self.head.bias}
        return {name: p.detach().float().cpu().numpy().copy() for name, p in (*trained.items(), *head.items())}

    def load_tensors(self, tensors: Mapping[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]]) -> None:
        """Take over decoded tensors of a pack; encoder parameters that `tensors` lacks stay as they are."""
        own: dict[str, torch.Tensor] = dict(self.encoder.named_parameters())
        own |= {HEAD_WEIGHT: self.head.weight, HEAD_BIAS: self.head.bias}
        with torch.no_grad():
            for name, array in tensors.items():
                value = torch.from_numpy(array)
                own[name].copy_(value.T if name == HEAD_WEIGHT else value)
