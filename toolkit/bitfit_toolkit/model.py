"""A frozen encoder, its trainable biases, and one linear head or none."""

from collections.abc import Callable, Iterable, Mapping

import numpy as np
import torch

from bitfit_exporters.verify import pool
from bitfit_runtime import Base
from bitfit_runtime.contract import ATTENTION_MASK, HEAD_BIAS, HEAD_WEIGHT, TOKEN_LOGITS, TaskType
from bitfit_toolkit.rebuild import rebuild_encoder

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


class BitfitModel(torch.nn.Module):
    """Gives a task type's raw output. Only the biases named in `biases` and the head, where there is one, learn.

    `loss` compares a raw output with targets; `texts` is how many texts an example has.
    """

    def __init__(
        self, base: Base, task: TaskType, labels: int, biases: Iterable[str], loss: Loss | None = None, texts: int = 1
    ) -> None:
        super().__init__()
        self.encoder = rebuild_encoder(base)
        self.pooling = base.manifest.pooling
        self.task = task
        self.head = torch.nn.Linear(base.manifest.hidden_size, labels) if task.has_head else None
        self.biases = frozenset(biases)
        self._loss, self._texts = loss, texts
        for name, parameter in self.encoder.named_parameters():
            parameter.requires_grad_(name in self.biases)

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
        raw = self._judge(tokens) if pooled is None else self._head(pooled)
        if labels is None or self._loss is None:
            return {"logits": raw}
        return {"loss": self._loss(raw, labels), "logits": raw}

    def _judge(self, tokens: Mapping[str, torch.Tensor]) -> torch.Tensor:
        if self.task.output == TOKEN_LOGITS:
            return self._head(self.encoder(**tokens).last_hidden_state)
        pooled = self.features(**tokens)
        return pooled.view(-1, self._texts, pooled.shape[1]) if self.head is None else self._head(pooled)

    def _head(self, vectors: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = vectors if self.head is None else self.head(vectors)
        return logits

    def features(self, **tokens: torch.Tensor) -> torch.Tensor:
        """Return pooled vectors `[batch, hidden]`."""
        return pool(self.encoder(**tokens), tokens[ATTENTION_MASK], self.pooling)

    def tensors(self) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
        """Return the trained biases `[n]` and, with a head, `head.weight [hidden, labels]`, `head.bias [labels]`."""
        trained = {name: p for name, p in self.encoder.named_parameters() if name in self.biases}
        head = {} if self.head is None else {HEAD_WEIGHT: self.head.weight.T, HEAD_BIAS: self.head.bias}
        return {name: p.detach().float().cpu().numpy().copy() for name, p in (*trained.items(), *head.items())}

    def load_tensors(self, tensors: Mapping[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]]) -> None:
        """Take over decoded tensors of a pack; encoder parameters that `tensors` lacks stay as they are."""
        own: dict[str, torch.Tensor] = dict(self.encoder.named_parameters())
        if self.head is not None:
            own |= {HEAD_WEIGHT: self.head.weight, HEAD_BIAS: self.head.bias}
        with torch.no_grad():
            for name, array in tensors.items():
                value = torch.from_numpy(array)
                own[name].copy_(value.T if name == HEAD_WEIGHT else value)
