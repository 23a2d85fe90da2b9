"""Examples as the tensors that a model learns from."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch

from bitfit_runtime import Base
from bitfit_runtime.tokenizer import Tokenizer, collate
from bitfit_toolkit.tasks import Example, TrainableTask

INFERENCE_BATCH = 64


class Batches:
    """Tokenizes with the runtime's own code, so that training sees what the device sees."""

    def __init__(self, base: Base, kind: TrainableTask[Any, Any], max_length: int) -> None:
        self._manifest, self._kind, self._limit = base.manifest, kind, max_length
        self._tokenizer = Tokenizer.from_file(base.tokenizer_path)

    def encode(self, examples: Sequence[Example]) -> list[dict[str, Any]]:
        """Return one item an example: its encoded `texts` and its target as `labels`."""
        inputs = [self._kind.inputs(example) for example in examples]
        flat = [text for texts in inputs for text in texts]
        encoded = iter(self._tokenizer.tokenize(flat, [self._limit] * len(flat)))
        items = []
        for example, texts in zip(examples, inputs, strict=True):
            own = [next(encoded) for _ in texts]
            items.append({"texts": own, "labels": self._kind.target(example, own[0])})
        return items

    def collate(self, items: Sequence[dict[str, Any]]) -> dict[str, torch.Tensor]:
        """Pad items to a batch of tensors."""
        texts = [text for item in items for text in item["texts"]]
        width = max(len(text) for text in texts)
        labels = torch.from_numpy(self._kind.stack([item["labels"] for item in items], width))
        if "pooled" in items[0]:
            return {"labels": labels, "pooled": torch.stack([item["pooled"] for item in items])}
        tokens = collate(texts, self._manifest.inputs, self._manifest.pad_token_id)
        return {"labels": labels} | {name: torch.from_numpy(array) for name, array in tokens.items()}

    def by_length(self, items: Sequence[dict[str, Any]]) -> Iterator[tuple[list[int], dict[str, torch.Tensor]]]:
        """Yield the items' indices and tensors without labels, in batches of texts of similar length."""
        order = sorted(range(len(items)), key=lambda index: len(items[index]["texts"][0]))
        for start in range(0, len(order), INFERENCE_BATCH):
            chosen = order[start : start + INFERENCE_BATCH]
            batch = self.collate([items[index] for index in chosen])
            batch.pop("labels")
            yield chosen, batch
