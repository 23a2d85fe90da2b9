"""Packs in the graph's shapes, and the feeds of a batch that mixes them."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bitfit_runtime.base import Base
from bitfit_runtime.contract import HEAD_BIAS, HEAD_WEIGHT
from bitfit_runtime.pack import Pack

Float32 = npt.NDArray[np.float32]


class Resident(NamedTuple):
    """A decoded pack; empty, it is the bare base.

    `biases` maps graph inputs to float32 `[1, 1, n]`; `head` holds `head.weight [1, hidden, labels]` and
    `head.bias [1, 1, labels]`.
    """

    biases: Mapping[str, Float32]
    head: Mapping[str, Float32]

    @classmethod
    def from_pack(cls, pack: Pack, base: Base) -> "Resident":
        """Decode a pack into the graph's shapes. Raises PackMismatchError, PackFormatError."""
        values = pack.decode(base.manifest, base.default_biases)
        biases = {name: value[None, None] for name, value in values.items() if name not in (HEAD_WEIGHT, HEAD_BIAS)}
        head = (
            {HEAD_WEIGHT: values[HEAD_WEIGHT][None], HEAD_BIAS: values[HEAD_BIAS][None, None]} if pack.has_head else {}
        )
        return cls(biases, head)

    @property
    def nbytes(self) -> int:
        """Bytes of all numbers."""
        return sum(value.nbytes for part in (self.biases, self.head) for value in part.values())


BARE_BASE = Resident({}, {})


def batch_feeds(residents: Sequence[Resident], defaults: Mapping[str, Float32]) -> dict[str, Float32]:
    """Return the feeds of a batch whose row `i` is answered by `residents[i]`.

    With one pack for all rows nothing is copied (rows = 1). Otherwise rows = batch: a pack that lacks a bias gets the
    base's from `defaults`, float32 `[1, 1, n]` each, and heads are padded with zeros to the largest number of labels.
    """
    first = residents[0]
    if all(resident is first for resident in residents):
        return {**first.biases, **first.head}
    names = {name: None for resident in residents for name in resident.biases}
    feeds = {
        name: np.concatenate([resident.biases.get(name, defaults[name]) for resident in residents]) for name in names
    }
    for name in (HEAD_WEIGHT, HEAD_BIAS):
        parts = [resident.head.get(name) for resident in residents]
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
