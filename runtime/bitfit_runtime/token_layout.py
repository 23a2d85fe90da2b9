"""Layout of special tokens: where a model's tokenizer puts them around one text and around a pair."""

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import tokenizers
from tokenizers import models

from bitfit_runtime.tokenized_text import FIRST, SECOND, TokenizedText


class Side(NamedTuple):
    """The tokens of one text, one more than are kept if there are as many: ids and characters. `cut`: of its head."""

    ids: list[int]
    offsets: list[tuple[int, int]]
    cut: bool


MAX_ID, MAX_TYPE = np.iinfo(np.int32).max, np.iinfo(np.uint8).max
NO_SIDE: Final = Side([], [], False)


@dataclass(frozen=True, slots=True)
class Layout:
    """(id, type, side) of each special token and of each text, which a side stands for; None of a special token."""

    parts: tuple[tuple[int, int, int | None], ...]

    @classmethod
    def of(cls, tokenizer: tokenizers.Tokenizer, pair: bool) -> "Layout":
        """Return what the tokenizer's post-processor makes of one text, or of a pair. Raises ValueError."""
        letters = tokenizers.Tokenizer(models.WordLevel({"a": 0}, unk_token="a"))
        letters.post_processor = tokenizer.post_processor
        encoding = letters.encode("a", "a" if pair else None)
        if max(encoding.ids, default=0) > MAX_ID or max(encoding.type_ids, default=0) > MAX_TYPE:
            raise ValueError("a special token has an id or a type that no model has")
        return cls(tuple(zip(encoding.ids, encoding.type_ids, encoding.sequence_ids, strict=True)))

    @property
    def special(self) -> int:
        """The number of special tokens."""
        return sum(side is None for *_, side in self.parts)

    def arrange(self, first: Side, second: Side, kept: tuple[int, int]) -> TokenizedText:
        """Return both texts, of each so many tokens as are `kept`, among the special tokens."""
        ids: list[int] = []
        types: list[int] = []
        offsets: list[tuple[int, int]] = []
        sides = [range(0), range(0)]
        for special, kind, side in self.parts:
            if side is None:
                ids.append(special)
                offsets.append((0, 0))
            else:
                text = (first, second)[side]
                sides[side] = range(len(ids), len(ids) + kept[side])
                ids += text.ids[: kept[side]]
                offsets += text.offsets[: kept[side]]
            types += [kind] * (len(ids) - len(types))
        cut = [part.cut or len(part.ids) > count for part, count in zip((first, second), kept, strict=True)]
        return TokenizedText(
            np.array(ids, np.int32),
            np.array(types, np.uint8),
            np.array(offsets, np.int32).reshape(-1, 2),
            (sides[FIRST], sides[SECOND]),
            (cut[FIRST], cut[SECOND]),
        )


def longest_first(first: int, second: int, room: int) -> tuple[int, int]:
    """Return how many tokens of each side to keep so that both fit into `room`, cutting the longer side first."""
    if first + second <= room:
        return first, second
    half = room // 2
    if first <= half:
        return first, room - first
    if second <= half:
        return room - second, second
    return room - half, half
