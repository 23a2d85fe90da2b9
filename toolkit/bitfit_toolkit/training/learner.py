"""One task on one base: its kind, its data as tensors, and the model that learns it."""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from transformers import set_seed

from bitfit_exporters.read_back import rebuild_encoder
from bitfit_runtime import Base, PackInfo
from bitfit_runtime.graph import LOGITS
from bitfit_toolkit.tasks import TRAINABLE_TASKS, Example
from bitfit_toolkit.training.checks import check_options
from bitfit_toolkit.training.evaluation import torch_answers
from bitfit_toolkit.training.fold import fold
from bitfit_toolkit.training.model import BitfitModel
from bitfit_toolkit.training.options import TrainOptions
from bitfit_toolkit.training.task_data import Batches
from bitfit_toolkit.training.terms import resolve_terms

Float32 = npt.NDArray[np.float32]


class Learner:
    """A model for one task, what it learns from, and what a pack keeps of it.

    `encoder` is the torch model to start from, by default one rebuilt from the base; its parameters are the model's own
    from then on. Raises TrainingError and DataError on examples or options that cannot be learned.
    """

    def __init__(
        self, base: Base, examples: Sequence[Example], options: TrainOptions, encoder: torch.nn.Module | None = None
    ) -> None:
        check_options(options)
        self.base, self.options = base, options
        self.kind = TRAINABLE_TASKS[options.task_type](examples)
        terms, biases = resolve_terms(options.terms, base.manifest)
        limit = min(options.max_length, base.manifest.max_length)
        self.batches = Batches(base, self.kind, limit)
        self.info = PackInfo(
            base=base.manifest.digest,
            base_name=base.manifest.name,
            task=options.task,
            task_type=options.task_type,
            labels=self.kind.labels,
            pooling=base.manifest.pooling,
            max_length=limit,
            terms=terms,
        )
        encoder = encoder or rebuild_encoder(base)
        set_seed(options.seed)
        self.model = BitfitModel(encoder, base.manifest, self.kind, biases, options.dropout)
        if options.device != "cpu" and torch.cuda.is_available():
            self.model.to(f"cuda:{os.environ.get('LOCAL_RANK', 0)}")  # which torchrun sets

    @property
    def metric(self) -> str:
        """The name of the figure that decides."""
        return self.options.metric or self.kind.metric_names[0]

    def items(self, examples: Sequence[Example]) -> list[dict[str, Any]]:
        """Return the examples as items; with pooled vectors where the encoder does not learn, so that it runs once."""
        items = self.batches.encode(examples)
        learns = any(parameter.requires_grad for parameter in self.model.encoder.parameters())
        if learns or self.model.output != LOGITS or self.model.head is None:
            return items
        pooled = self._each(items, features=True)
        return [item | {"pooled": torch.from_numpy(vector)} for item, vector in zip(items, pooled, strict=True)]

    def balance(self, items: Sequence[dict[str, Any]]) -> None:
        """Weigh classes by their rarity among the items, where the options say so."""
        if self.options.class_weights == "balanced":
            self.kind.balance([item["labels"] for item in items])

    def answers(self, examples: Sequence[Example], items: Sequence[dict[str, Any]]) -> list[Any]:
        """Return the model's answers in float32, decoded as the engine decodes its own."""
        return self.decode(examples, items, self._each(items))

    def decode(self, examples: Sequence[Example], items: Sequence[dict[str, Any]], raw: Sequence[Float32]) -> list[Any]:
        """Return raw outputs, one an example, as answers."""
        return torch_answers(self.info, examples, raw, [item["texts"] for item in items])

    def metrics(self, examples: Sequence[Example], items: Sequence[dict[str, Any]]) -> dict[str, float]:
        """Return the model's metrics in float32."""
        return self.kind.metrics(examples, self.answers(examples, items))

    def finish(self) -> None:
        """Bring the trained head to the units of the labels."""
        self.model.load_tensors(self.kind.rescale(self.model.tensors()))

    def pack_tensors(self) -> dict[str, Float32]:
        """Return what a pack keeps of the finished model: trained biases, folded where possible, and the head."""
        encoder = self.model.encoder.named_parameters()
        weights = {name: p.detach().float().cpu().numpy() for name, p in encoder if p.ndim == 2}
        return fold(self.model.tensors(), self.base.default_biases, weights, self.base.manifest)

    @torch.no_grad()
    def _each(self, items: Sequence[dict[str, Any]], features: bool = False) -> list[Float32]:
        """Run the model without dropout over batches of texts of similar length; an output an item, in their order."""
        self.model.eval()
        device = next(self.model.parameters()).device
        found: dict[int, Float32] = {}
        for indices, batch in self.batches.by_length(items):
            moved = {name: value.to(device) for name, value in batch.items()}
            output = self.model.features(**moved) if features else self.model(**moved)["logits"]
            found.update(zip(indices, output.float().cpu().numpy(), strict=True))
        return [found[index] for index in range(len(items))]
