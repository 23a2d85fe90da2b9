"""Trunk: what lies below the first layer that learns, computed once a text and kept.

It is defined text by text, without padding and in float32: a text's hidden states do not depend on its batch, so that a
pack has the same bytes whether they were kept or computed anew at each step.
"""

from collections.abc import Hashable, Iterable, Sequence

import numpy as np
import numpy.typing as npt
import torch

from bitfit_runtime.formats import Manifest
from bitfit_runtime.tokenized_text import TokenizedText
from bitfit_runtime.tokenizer import collate
from bitfit_toolkit.training.layers import UpperLayers, reached_by
from bitfit_toolkit.training.state_store import StateStore

Float32 = npt.NDArray[np.float32]


class Trunks:
    """What lies below each of `starts` in an encoder that drops nothing, and whose biases there are the base's.

    A pass over a text gives its hidden states at a start and at those below it. `recomputed` counts the passes over
    texts that were computed before, whose states had found no room in the store.
    """

    def __init__(
        self, encoder: torch.nn.Module, base: Manifest, starts: Iterable[int], store: StateStore | None = None
    ) -> None:
        encoder.eval()
        levels = [UpperLayers(encoder, base, start) for start in sorted(set(starts)) if start]
        self._levels = {level.start: level for level in levels if level.complete()}
        self._encoder, self._base = encoder, base
        self._store = StateStore() if store is None else store
        self._without_room: set[tuple[int, Hashable]] = set()
        self.recomputed = 0

    def below(self, start: int) -> "Trunk | None":
        """Return the trunk below one of the starts; None of 0, or where the family's layers do not part."""
        return Trunk(self, self._levels[start]) if start in self._levels else None

    def states(self, texts: Sequence[TokenizedText], start: int) -> torch.Tensor:
        """Return the hidden states of texts `[texts, sequence, hidden]`, zero where a text has no token."""
        longest = max(map(len, texts))
        batch = np.zeros((len(texts), longest, self._base.hidden_size), np.float32)
        for row, text in zip(batch, texts, strict=True):
            row[: len(text)] = self._state(text, start)
        return torch.from_numpy(batch)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user should know."""
        if not self.recomputed:
            return ()
        return (
            f"lower layers ran {self.recomputed:,} times more than once a text: memory and disk hold the hidden states "
            "of no more texts; training was slower for that",
        )

    def _state(self, text: TokenizedText, start: int) -> Float32:
        kept = self._store.get((start, text.key))
        if kept is not None:
            return kept
        levels = [level for level in self._levels.values() if level.start <= start]  # above, biases may be learning
        states = self._compute(text, levels)
        fits = [self._store.put((level.start, text.key), state) for level, state in zip(levels, states, strict=True)]
        self.recomputed += (start, text.key) in self._without_room
        if not all(fits):
            self._without_room.add((start, text.key))
        return states[-1]

    def _compute(self, text: TokenizedText, levels: Sequence[UpperLayers]) -> list[Float32]:
        device = next(self._encoder.parameters()).device
        arrays = collate([text], self._base.inputs, self._base.pad_token_id)
        tokens = {name: torch.from_numpy(array).to(device) for name, array in arrays.items()}
        with torch.autocast(device.type, enabled=False):
            reached = reached_by(self._encoder, levels, tokens)
        return [hidden[0].cpu().numpy() for hidden in reached]


class Trunk:
    """What lies below one start; `upper` are the layers that go on from there."""

    def __init__(self, trunks: Trunks, upper: UpperLayers) -> None:
        self.upper, self._trunks = upper, trunks

    def states(self, texts: Sequence[TokenizedText]) -> torch.Tensor:
        """Return the hidden states of texts `[texts, sequence, hidden]`, zero where a text has no token."""
        return self._trunks.states(texts, self.upper.start)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user should know."""
        return self._trunks.notes
