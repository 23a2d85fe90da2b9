"""An encoder, its trainable biases, and one linear head or none."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from transformers.modeling_outputs import BaseModelOutputWithPooling

from bitfit_exporters.encoder import pool
from bitfit_runtime.formats.manifest import Manifest
from bitfit_runtime.graph import ATTENTION_MASK, HEAD_BIAS, HEAD_WEIGHT, TOKEN_LOGITS
from bitfit_toolkit.tasks import TrainableTask

Float32 = npt.NDArray[np.float32]


class BitfitModel(torch.nn.Module):
    """Gives a task type's raw output. Only the biases named in `biases` and the head, where there is one, learn.

    Without `dropout` the encoder stays in evaluation mode while it learns.
    """

    # The Trainer would otherwise take `**tokens` for a promise to average the loss over accumulated passes itself.
    accepts_loss_kwargs = False

    def __init__(
        self,
        encoder: torch.nn.Module,
        base: Manifest,
        kind: TrainableTask[Any, Any],
        biases: Iterable[str],
        dropout: bool = False,
    ) -> None:
        super().__init__()
        task = kind.task_type
        self.encoder, self.pooling, self.output = encoder, base.pooling, task.output
        self.head = torch.nn.Linear(base.hidden_size, len(kind.labels)) if task.has_head else None
        self.biases = frozenset(biases)
        self._kind, self._dropout = kind, dropout
        for name, parameter in self.encoder.named_parameters():
            parameter.requires_grad_(name in self.biases)

    def train(self, mode: bool = True) -> "BitfitModel":
        """Choose training or evaluation."""
        super().train(mode)
        self.encoder.train(mode and self._dropout)
        return self

    def forward(
        self,
        labels: torch.Tensor | None = None,
        pooled: torch.Tensor | None = None,
        **tokens: torch.Tensor,
    ) -> dict[str, torch.Tensor]:
        """Return the raw output as `logits` and, given `labels`, the mean `loss`.

        `tokens` are the base's token inputs `[batch · texts, sequence]`, an example's texts side by side;
        `pooled [batch, hidden]` stands in for them when the encoder does not learn. The raw output is
        `[batch, labels]`, `[batch, sequence, labels]` or, without a head, `[batch, texts, hidden]`.
        """
        raw = self._head(pooled) if pooled is not None else self.judge(self.encoder(**tokens), tokens[ATTENTION_MASK])
        return {"logits": raw} if labels is None else {"loss": self._kind.loss(raw, labels), "logits": raw}

    def judge(self, encoded: BaseModelOutputWithPooling, mask: torch.Tensor) -> torch.Tensor:
        """Return the raw output for the encoder's output over `[batch · texts, sequence]` tokens."""
        if self.output == TOKEN_LOGITS:
            return self._head(encoded.last_hidden_state)
        pooled = pool(encoded, mask, self.pooling)
        return (
            pooled.view(-1, self._kind.texts_per_example, pooled.shape[1]) if self.head is None else self._head(pooled)
        )

    def features(self, **tokens: torch.Tensor) -> torch.Tensor:
        """Return pooled vectors `[batch, hidden]`."""
        return pool(self.encoder(**tokens), tokens[ATTENTION_MASK], self.pooling)

    def tensors(self) -> dict[str, Float32]:
        """Return the trained biases `[n]` and, with a head, `head.weight [hidden, labels]`, `head.bias [labels]`."""
        trained = {name: p for name, p in self.encoder.named_parameters() if name in self.biases}
        head = {} if self.head is None else {HEAD_WEIGHT: self.head.weight.T, HEAD_BIAS: self.head.bias}
        return {name: p.detach().float().cpu().numpy().copy() for name, p in (*trained.items(), *head.items())}

    def load_tensors(self, tensors: Mapping[str, Float32]) -> None:
        """Take over decoded tensors of a pack; encoder parameters that `tensors` lacks stay as they are."""
        own: dict[str, torch.Tensor] = dict(self.encoder.named_parameters())
        if self.head is not None:
            own |= {HEAD_WEIGHT: self.head.weight, HEAD_BIAS: self.head.bias}
        with torch.no_grad():
            for name, array in tensors.items():
                value = torch.from_numpy(array)
                own[name].copy_(value.T if name == HEAD_WEIGHT else value)

    def _head(self, vectors: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = vectors if self.head is None else self.head(vectors)
        return logits
