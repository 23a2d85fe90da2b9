"""Examples as the tensors that a model learns from."""

from collections.abc import Sequence
from typing import Any

import torch

from bitfit_runtime import Base
from bitfit_runtime.tokens import EncodedText, TextEncoder, collate
from bitfit_toolkit.examples import Example
from bitfit_toolkit.model import BitfitClassifier

FEATURE_BATCH = 64


class Batches:
    """Tokenizes with the runtime's own code, so that training sees what the device sees."""

    def __init__(self, base: Base, labels: Sequence[str], max_length: int) -> None:
        self._manifest, self._limit = base.manifest, max_length
        self._encoder = TextEncoder.from_file(base.tokenizer_path)
        self._index = {label: index for index, label in enumerate(labels)}

    def encode(self, examples: Sequence[Example]) -> list[dict[str, Any]]:
        """Return one item an example: the encoded text and its label's index."""
        pairs = [(example.text, example.text_pair) for example in examples]
        encoded = self._encoder.encode(pairs, [self._limit] * len(pairs))
        return [
            {"text": text, "labels": self._index[example.label or ""]}
            for text, example in zip(encoded, examples, strict=True)
        ]

    def collate(self, items: Sequence[dict[str, Any]]) -> dict[str, torch.Tensor]:
        """Pad items to a batch of tensors."""
        labels = {"labels": torch.tensor([item["labels"] for item in items])}
        if "pooled" in items[0]:
            return labels | {"pooled": torch.stack([item["pooled"] for item in items])}
        texts: list[EncodedText] = [item["text"] for item in items]
        tokens = collate(texts, self._manifest.inputs, self._manifest.pad_token_id)
        return labels | {name: torch.from_numpy(array) for name, array in tokens.items()}

    def with_features(self, items: Sequence[dict[str, Any]], model: BitfitClassifier) -> list[dict[str, Any]]:
        """Return the items with their pooled vectors, computed once: an encoder that does not learn need not run again.

        Texts of similar length share a batch; the order of the items stays.
        """
        order = sorted(range(len(items)), key=lambda index: len(items[index]["text"]))
        featured: dict[int, dict[str, Any]] = {}
        for start in range(0, len(order), FEATURE_BATCH):
            chosen = order[start : start + FEATURE_BATCH]
            batch = self.collate([items[index] for index in chosen])
            batch.pop("labels")
            for index, pooled in zip(chosen, model.features(**batch), strict=True):
                featured[index] = items[index] | {"pooled": pooled}
        return [featured[index] for index in range(len(items))]
