"""Batch planning: which rows run together, and what a batch of different tasks feeds to the graph."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from bitfit_runtime.graph import HEAD_BIAS, HEAD_WEIGHT
from bitfit_runtime.pack_cache import DecodedPack
from bitfit_runtime.padding import Padding

Float32 = npt.NDArray[np.float32]
PIECE_ROWS: Final = 1024
PIECE_CHARACTERS: Final = 1 << 18


def pieces(characters: Sequence[int]) -> Iterator[slice]:
    """Cut rows, of so many characters each, into pieces that are tokenized and held in memory one after the other.

    A piece has at most PIECE_ROWS rows and, unless it is a single row, at most PIECE_CHARACTERS characters.
    """
    start = held = 0
    for row, size in enumerate(characters):
        if row - start == PIECE_ROWS or (row > start and held + size > PIECE_CHARACTERS):
            yield slice(start, row)
            start, held = row, 0
        held += size
    if characters:
        yield slice(start, len(characters))


def plan_batches(lengths: Sequence[int], batch_size: int, max_tokens: int, padding: Padding) -> list[list[int]]:
    """Group row numbers into batches of similar length, so that little is spent on padding.

    Each batch holds at most `batch_size` rows and, unless it is a single row, at most `max_tokens` padded tokens.
    No row is in a batch whose width would change its bits. Every row number occurs exactly once, the longest of a batch
    first.
    """
    batches: list[list[int]] = []
    for row in sorted(range(len(lengths)), key=lambda row: -lengths[row]):
        batch = batches[-1] if batches else []
        width = padding.width(lengths[batch[0]]) if batch else 0
        full = len(batch) == batch_size or width * (len(batch) + 1) > max_tokens
        if batch and not full and padding.fits(lengths[row], width):
            batch.append(row)
        else:
            batches.append([row])
    return batches


def batch_feeds(packs: Sequence[DecodedPack], defaults: Mapping[str, Float32]) -> dict[str, Float32]:
    """Return the feeds of a batch whose row `i` is answered by `packs[i]`.

    With one pack for all rows nothing is copied (rows = 1). Otherwise rows = batch: a pack that lacks a bias gets the
    base's from `defaults`, float32 `[1, 1, n]` each, and heads are padded with zeros to the largest number of labels.
    """
    first = packs[0]
    if all(pack is first for pack in packs):
        return {**first.biases, **first.head}
    names = {name: None for pack in packs for name in pack.biases}
    feeds = {name: np.concatenate([pack.biases.get(name, defaults[name]) for pack in packs]) for name in names}
    for name in (HEAD_WEIGHT, HEAD_BIAS):
        parts = [pack.head.get(name) for pack in packs]
        present = [part for part in parts if part is not None]
        if present:
            feeds[name] = _pad_labels(parts, present[0].shape[1])
    return feeds


def _pad_labels(parts: Sequence[Float32 | None], width: int) -> Float32:
    labels = max(part.shape[2] for part in parts if part is not None)
    stacked = np.zeros((len(parts), width, labels), np.float32)
    for row, part in enumerate(parts):
        if part is not None:
            stacked[row, :, : part.shape[2]] = part[0]
    return stacked
