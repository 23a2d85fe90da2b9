"""Model of a task: an encoder, its trainable biases, and one linear head or none."""

import os
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from transformers import set_seed
from transformers.modeling_outputs import BaseModelOutputWithPooling

from bitfit_exporters.encoder import pool
from bitfit_exporters.read_back import rebuild_encoder
from bitfit_runtime import Base
from bitfit_runtime.formats import Manifest
from bitfit_runtime.graph import ATTENTION_MASK, HEAD_BIAS, HEAD_WEIGHT, TOKEN_LOGITS
from bitfit_toolkit.errors import TrainingError
from bitfit_toolkit.tasks import TrainableTask
from bitfit_toolkit.training.layers import UpperLayers
from bitfit_toolkit.training.options import TrainOptions, windows_of
from bitfit_toolkit.training.window_joins import join_rows, join_tokens, rule

Float32 = npt.NDArray[np.float32]
WINDOW_TENSORS: Final = ("counts", "places")


class BitfitModel(torch.nn.Module):
    """Gives a task type's raw output. Only the biases named in `biases` and the head, where there is one, learn.

    Without `dropout` the encoder stays in evaluation mode while it learns. `join` is the rule that joins the windows of
    a text. `upper` are the layers that run where a batch has hidden states of a trunk.
    """

    # The Trainer would otherwise take `**tokens` for a promise to average the loss over accumulated passes itself.
    accepts_loss_kwargs = False

    def __init__(
        self,
        encoder: torch.nn.Module,
        base: Manifest,
        task: TrainableTask[Any, Any],
        biases: Iterable[str],
        dropout: bool = False,
        join: str | None = None,
    ) -> None:
        super().__init__()
        self.encoder, self.pooling, self.output = encoder, base.pooling, task.task_type.output
        self.head = torch.nn.Linear(base.hidden_size, len(task.labels)) if task.task_type.has_head else None
        self.biases = frozenset(biases)
        self.upper: UpperLayers | None = None
        self._task, self._dropout, self._join = task, dropout, None if join is None else rule(task, join)
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
        hidden: torch.Tensor | None = None,
        **inputs: torch.Tensor,
    ) -> dict[str, torch.Tensor]:
        """Return the raw output as `logits` and, given `labels`, the mean `loss`.

        `inputs` are the base's token inputs `[rows, sequence]`, an example's texts side by side, a row each or one for
        each of its windows, and then what `window_tensors` says of those; `pooled [rows, hidden]` stands in for tokens
        when the encoder does not learn, and with `hidden [rows, sequence, hidden]` only the upper layers run. The raw
        output is `[batch, labels]`, `[batch, tokens, labels]` or, without a head, `[batch, texts, hidden]`.
        """
        windows: dict[str, torch.Tensor] = {name: inputs.pop(name) for name in WINDOW_TENSORS if name in inputs}
        if pooled is not None:
            raw = self.joined(self._head(pooled), windows)
        else:
            raw = self.raw_output(self._encode(hidden, inputs), inputs[ATTENTION_MASK], windows)
        return {"logits": raw} if labels is None else {"loss": self._task.loss(raw, labels), "logits": raw}

    def raw_output(
        self,
        encoded: BaseModelOutputWithPooling,
        mask: torch.Tensor,
        windows: Mapping[str, torch.Tensor] = MappingProxyType({}),
    ) -> torch.Tensor:
        """Return the raw output for the encoder's output over `[rows, sequence]` tokens."""
        if self.output == TOKEN_LOGITS:
            return self.joined(self._head(encoded.last_hidden_state), windows)
        pooled = pool(encoded, mask, self.pooling)
        if self.head is None:
            pooled = self.joined(pooled, windows)
            return pooled.view(-1, self._task.texts_per_example, pooled.shape[1])
        return self.joined(self._head(pooled), windows)

    def joined(self, rows: torch.Tensor, windows: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Return the output of texts for that of their windows; of texts without any as it is."""
        if not windows or self._join is None:
            return rows
        if "places" in windows:
            return join_tokens(rows, windows["places"])
        return join_rows(rows, windows["counts"].tolist(), self._join)

    @property
    def device(self) -> torch.device:
        """Where the parameters are."""
        return next(self.parameters()).device

    @property
    def bias_parameters(self) -> int:
        """The number of parameters in the chosen biases."""
        return sum(p.numel() for name, p in self.encoder.named_parameters() if name in self.biases)

    @property
    def head_parameters(self) -> int:
        """The number of parameters of the head, 0 without one."""
        return 0 if self.head is None else sum(p.numel() for p in self.head.parameters())

    def features(self, hidden: torch.Tensor | None = None, **tokens: torch.Tensor) -> torch.Tensor:
        """Return pooled vectors `[batch, hidden]`."""
        return pool(self._encode(hidden, tokens), tokens[ATTENTION_MASK], self.pooling)

    def tensors(self) -> dict[str, Float32]:
        """Return what learned, in float32: biases `[n]`, and `head.weight [hidden, labels]`, `head.bias [labels]`."""
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

    def _encode(self, hidden: torch.Tensor | None, tokens: Mapping[str, torch.Tensor]) -> BaseModelOutputWithPooling:
        return self.encoder(**tokens) if hidden is None or self.upper is None else self.upper.encode(hidden, tokens)

    def _head(self, vectors: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = vectors if self.head is None else self.head(vectors)
        return logits


def build_model(
    base: Base, task: TrainableTask[Any, Any], options: TrainOptions, encoder: torch.nn.Module | None = None
) -> BitfitModel:
    """Return a model that begins to learn `task`: its head is drawn by the seed, and it is on the chosen device.

    `encoder` is the torch model to start from, by default one rebuilt from the base; its parameters are the model's own
    from then on. Raises TrainingError on bias terms that cannot be trained.
    """
    _, biases = resolve_terms(options.terms, base.manifest, first_layer(options))
    encoder = encoder or rebuild_encoder(base)
    set_seed(options.seed)
    windows = windows_of(options, base.manifest.max_length)
    join = None if windows is None else windows.join
    model = BitfitModel(encoder, base.manifest, task, biases, options.dropout, join)
    if options.device != "cpu" and torch.cuda.is_available():
        model.to(f"cuda:{os.environ.get('LOCAL_RANK', 0)}")  # which torchrun sets
    return model


def first_layer(options: TrainOptions) -> int:
    """Return the first layer that learns. Raises TrainingError where that is yet to be chosen."""
    if isinstance(options.from_layer, str):
        raise TrainingError("`from_layer` auto is resolved by `settle_start`, before a run starts")
    return options.from_layer


def resolve_terms(terms: str, manifest: Manifest, from_layer: int = 0) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the bias terms and the names of their biases from a layer on, for `all`, `none` or a list such as `q,m2`.

    Terms are those of Ben Zaken et al. (2021, arXiv:2106.10199). `all` leaves out the ones that cannot change an answer
    (`redundant_terms`); a term of which nothing is left from that layer on is dropped. Raises TrainingError on a term
    that the base does not have, on a redundant one, and on a layer above the last.
    """
    if from_layer > manifest.layers:
        raise TrainingError(
            f"`from_layer` should be at most {manifest.layers} (the head alone, above all layers), found {from_layer}; "
            f"{manifest.name} has {manifest.layers} layers, which count from 0"
        )
    chosen = _chosen_terms(terms, manifest)
    specs = manifest.biases_of(chosen, from_layer)
    kept = {spec.term for spec in specs} if from_layer else set(chosen)
    return tuple(term for term in chosen if term in kept), tuple(spec.name for spec in specs)


def _chosen_terms(terms: str, manifest: Manifest) -> tuple[str, ...]:
    known = tuple(dict.fromkeys(spec.term for spec in manifest.biases))
    if terms == "all":
        chosen = tuple(term for term in known if term not in manifest.redundant_terms)
    elif terms == "none":
        chosen = ()
    else:
        by_lower = {term.lower(): term for term in known}
        asked = [term.strip() for term in terms.split(",") if term.strip()]
        unknown = [term for term in asked if term.lower() not in by_lower]
        if unknown or not asked:
            found = ", ".join(unknown) or "nothing"
            raise TrainingError(f"unknown bias term {found}; this base has {', '.join(known)} (or: all, none)")
        chosen = tuple(dict.fromkeys(by_lower[term.lower()] for term in asked))
        redundant = [term for term in chosen if term in manifest.redundant_terms]
        if redundant:
            raise TrainingError(
                f"bias term {redundant[0]} cannot change an answer of {manifest.name}, because softmax cancels it; "
                "leave it out"
            )
    return chosen
