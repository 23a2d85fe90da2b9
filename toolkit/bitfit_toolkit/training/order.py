"""In which order training examples come."""

from collections.abc import Iterator, Sequence

import torch
from torch.utils.data import Sampler

CHUNK = 50  # batches that are sorted together


class ByLength(Sampler[int]):
    """Every index once an epoch, so that consecutive batches hold examples of similar length and waste little padding.

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
        size, chunk = self._batch_size, self._batch_size * CHUNK
        batches: list[list[int]] = []
        for start in range(0, len(shuffled), chunk):
            near = sorted(shuffled[start : start + chunk], key=lambda index: self._lengths[index])
            batches += [near[place : place + size] for place in range(0, len(near), size)]
        whole = [batch for batch in batches if len(batch) == size]
        for place in torch.randperm(len(whole), generator=generator).tolist():
            yield from whole[place]
        yield from (index for batch in batches if len(batch) < size for index in batch)
