"""Data of a task: examples, their tokens and targets, and batches of them in the order of training."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils.data import Sampler

from bitfit_runtime import Base
from bitfit_runtime.tokenized_text import TokenizedText
from bitfit_runtime.tokenizer import Tokenizer, collate
from bitfit_toolkit.tasks import Example, TrainableTask

INFERENCE_BATCH = 64
SORTED_TOGETHER = 50  # batches


@dataclass(frozen=True, slots=True, eq=False)
class Item:
    """One example as a model learns it: the tokens of its texts, its target as its task type has it.

    `pooled [hidden]` is there where the encoder does not learn, so that it runs over each text once. `cut` says that a
    text was longer than the limit.
    """

    texts: tuple[TokenizedText, ...]
    target: Any
    pooled: torch.Tensor | None = None
    cut: bool = False

    @property
    def length(self) -> int:
        """The number of tokens of the longest text."""
        return max(map(len, self.texts))


@dataclass(frozen=True, slots=True, eq=False)
class TaskData:
    """Examples, and an item for each."""

    examples: tuple[Example, ...]
    items: tuple[Item, ...]


class Preprocessor:
    """Turns examples into items, and items into batches.

    It has the runtime's own tokenizer, so that training sees what the device sees. `max_length` is in tokens, and at
    most what the base has positions for.
    """

    def __init__(self, base: Base, task: TrainableTask[Any, Any], max_length: int) -> None:
        self.max_length = min(max_length, base.manifest.max_length)
        self._manifest, self._task = base.manifest, task
        self._tokenizer = Tokenizer.from_file(base.tokenizer_path)

    def prepare(self, examples: Sequence[Example]) -> TaskData:
        """Return the examples with their items. Raises DataError on one that does not fit the task type."""
        inputs = [self._task.inputs(example) for example in examples]
        flat = [text for texts in inputs for text in texts]
        tokenized = iter(self._tokenizer.tokenize(flat, [self.max_length] * len(flat)))
        items: list[Item] = []
        for example, texts in zip(examples, inputs, strict=True):
            own = tuple(next(tokenized) for _ in texts)
            cut = any(text.truncated for text in own)
            items.append(Item(own, self._task.target(example, own[0]), cut=cut))
        return TaskData(tuple(examples), tuple(items))

    def collate(self, items: Sequence[Item]) -> dict[str, torch.Tensor]:
        """Return a batch: `labels`, and `pooled [batch, hidden]` or the token inputs `[batch · texts, sequence]`."""
        labels = torch.from_numpy(self._task.stack([item.target for item in items], max(item.length for item in items)))
        pooled = [item.pooled for item in items if item.pooled is not None]
        if pooled:
            return {"labels": labels, "pooled": torch.stack(pooled)}
        tokens = collate(
            [text for item in items for text in item.texts], self._manifest.inputs, self._manifest.pad_token_id
        )
        return {"labels": labels} | {name: torch.from_numpy(array) for name, array in tokens.items()}

    def inference_batches(self, items: Sequence[Item]) -> Iterator[tuple[list[int], dict[str, torch.Tensor]]]:
        """Yield the items' indices and tensors without labels, in batches of texts of similar length."""
        order = sorted(range(len(items)), key=lambda index: len(items[index].texts[0]))
        for start in range(0, len(order), INFERENCE_BATCH):
            chosen = order[start : start + INFERENCE_BATCH]
            batch = self.collate([items[index] for index in chosen])
            batch.pop("labels")
            yield chosen, batch


class ByLength(Sampler[int]):
    """Every index once an epoch, so that consecutive batches hold items of similar length and waste little padding.

    transformers' own LengthGroupedSampler begins each chunk with its longest batch and ends with its shortest; here the
    batches come in random order. The order depends on `seed` and the epoch alone, so that a run can be resumed.
    """

    def __init__(self, lengths: Sequence[int], batch_size: int, seed: int) -> None:
        self._lengths, self._batch_size, self._seed, self._epoch = lengths, batch_size, seed, 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose order comes next."""
        self._epoch = epoch

    def __len__(self) -> int:
        return len(self._lengths)

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed((self._seed << 20) + self._epoch)
        shuffled = torch.randperm(len(self._lengths), generator=generator).tolist()
        size, chunk = self._batch_size, self._batch_size * SORTED_TOGETHER
        batches: list[list[int]] = []
        for start in range(0, len(shuffled), chunk):
            near = sorted(shuffled[start : start + chunk], key=lambda index: self._lengths[index])
            batches += [near[first : first + size] for first in range(0, len(near), size)]
        whole = [batch for batch in batches if len(batch) == size]
        for index in torch.randperm(len(whole), generator=generator).tolist():
            yield from whole[index]
        yield from (index for batch in batches if len(batch) < size for index in batch)
