"""Batches: the pieces of a long list, and what a batch of different tasks feeds to the graph."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from bitfit_runtime.formats import Pack, PackInfo
from bitfit_runtime.graph import HEAD_BIAS, HEAD_WEIGHT, TOKEN_LOGITS, branch_input
from bitfit_runtime.inputs import Row
from bitfit_runtime.pack_cache import DecodedPack
from bitfit_runtime.planning import Batch
from bitfit_runtime.tasks import TASK_TYPES
from bitfit_runtime.windows import Limit

Float32 = npt.NDArray[np.float32]
Int64 = npt.NDArray[np.int64]
MOST_TOKENS: Final = 4  # of a character: its bytes in UTF-8
SPECIAL: Final = 8  # tokens around a text or a pair, at most
FLOAT: Final = 4  # bytes


class Load(NamedTuple):
    """What rows hold in memory until they are answered: characters, windows, and bytes of numbers for their tokens."""

    characters: int
    windows: int
    token_bytes: int = 0

    @classmethod
    def of(cls, row: Row, pack: Pack | None, limit: Limit) -> "Load":
        """Return the most that a row holds whose pack reads so much of it."""
        size = len(row.text) + len(row.text_pair or "")
        windows = limit.most_windows(size)
        plain = row.text.isascii() and (row.text_pair or "").isascii()
        tokens = min(limit.max_length, size * (1 if plain else MOST_TOKENS) + SPECIAL)
        return cls(size, windows, 0 if pack is None else token_bytes(pack.info, windows * tokens))

    def __add__(self, other: object) -> "Load":
        """Return what rows hold together."""
        if not isinstance(other, Load):
            return NotImplemented
        return Load(*map(sum, zip(self, other, strict=True)))


PIECE: Final = Load(1 << 18, 1024, 8 << 20)


def pieces(loads: Sequence[Load]) -> Iterator[slice]:
    """Cut rows into pieces that are held in memory one after the other: a single row, or at most PIECE of each."""
    start, held = 0, Load(0, 0)
    for row, load in enumerate(loads):
        together = held + load
        if row > start and any(size > most for size, most in zip(together, PIECE, strict=True)):
            yield slice(start, row)
            start, together = row, load
        held = together
    if loads:
        yield slice(start, len(loads))


def token_bytes(info: PackInfo, tokens: int) -> int:
    """Return the bytes of the numbers that a pack gives for so many tokens: none where it reads no token logits."""
    return FLOAT * tokens * len(info.labels) if TASK_TYPES[info.task_type].output == TOKEN_LOGITS else 0


def batch_feeds(packs: Sequence[DecodedPack], defaults: Mapping[str, Float32]) -> dict[str, Float32]:
    """Return the feeds of a batch whose row `i` is answered by `packs[i]`, none of its layers being shared."""
    return bias_feeds(packs, list(defaults), defaults) | head_feeds(packs)


def bias_feeds(
    packs: Sequence[DecodedPack], names: Sequence[str], defaults: Mapping[str, Float32]
) -> dict[str, Float32]:
    """Return the feeds of some biases, `names`, for rows of which row `i` has those of `packs[i]`.

    With one pack for all rows nothing is copied (rows = 1). Otherwise rows = batch: a pack that lacks a bias gets the
    base's from `defaults`, float32 `[1, 1, n]` each. What all packs lack is left out.
    """
    first = packs[0]
    if all(pack is first for pack in packs):
        return {name: first.biases[name] for name in names if name in first.biases}
    present = [name for name in names if any(name in pack.biases for pack in packs)]
    return {name: np.concatenate([pack.biases.get(name, defaults[name]) for pack in packs]) for name in present}


def head_feeds(packs: Sequence[DecodedPack]) -> dict[str, Float32]:
    """Return the feeds of the heads: one for all rows, or one for each, padded with zeros to the most labels."""
    first = packs[0]
    if all(pack is first for pack in packs):
        return dict(first.head)
    feeds = {}
    for name in (HEAD_WEIGHT, HEAD_BIAS):
        parts = [pack.head.get(name) for pack in packs]
        present = [part for part in parts if part is not None]
        if present:
            feeds[name] = _pad_labels(parts, present[0].shape[1])
    return feeds


def branch_feeds(batch: Batch, starts: Sequence[int]) -> dict[str, Int64]:
    """Return which row of the level below each row of a level continues, for all levels but the lowest.

    Where no row branches there are no feeds: the identity is the graph's default.
    """
    if not batch.is_tree:
        return {}
    pairs = zip(starts[1:], batch.levels[1:], strict=True)
    return {branch_input(start): np.array(level.below, np.int64) for start, level in pairs}


def _pad_labels(parts: Sequence[Float32 | None], width: int) -> Float32:
    labels = max(part.shape[2] for part in parts if part is not None)
    stacked = np.zeros((len(parts), width, labels), np.float32)
    for row, part in enumerate(parts):
        if part is not None:
            stacked[row, :, : part.shape[2]] = part[0]
    return stacked
