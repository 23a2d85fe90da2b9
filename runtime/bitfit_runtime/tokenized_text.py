"""A tokenized text: what is kept of it, the characters of its tokens, and its words."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bitfit_runtime.words import Characters, rest_of_word, split_words, visible, with_accents, without_marks

Int32 = npt.NDArray[np.int32]
UInt8 = npt.NDArray[np.uint8]
FIRST, SECOND = 0, 1


class Word(NamedTuple):
    """A word of a text, or several that share a token: the index of its own token, and its characters."""

    token: int
    start: int
    end: int


@dataclass(frozen=True, slots=True, eq=False)
class TokenizedText:
    """One text, or one pair, as token ids with the model's special tokens.

    `ids`, `type_ids` are `[tokens]`; `offsets [tokens, 2]` are the characters that each token was made of, those of
    special tokens 0 and 0. `sides` are the tokens of the first and of the second text; `cut` says of each whether it
    has lost some.
    """

    ids: Int32
    type_ids: UInt8
    offsets: Int32
    sides: tuple[range, range]
    cut: tuple[bool, bool]

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def key(self) -> bytes:
        """What the encoder receives: equal for texts that are one and the same to it."""
        return self.ids.tobytes() + self.type_ids.tobytes()

    @property
    def truncated(self) -> bool:
        """Whether a text was cut."""
        return any(self.cut)

    def spans(self, text: str, side: int) -> list[tuple[int, Characters]]:
        """Return index and characters, without white space around them, of each token of `text`, that `side`.

        Tokens of white space alone are left out.
        """
        tokens = self.sides[side]
        offsets = self.offsets[tokens.start : tokens.stop].tolist()
        spans = ((index, visible(text, *pair)) for index, pair in zip(tokens, offsets, strict=True))
        return [(index, with_accents(text, *span)) for index, span in spans if span.start < span.end]

    def words(self, text: str) -> list[Word]:
        """Return the words of the first text, `text`, that have a token of their own: the first that no other has.

        Where one token covers several words, they are one here, without the marks at their edges.
        """
        spans = self.spans(text, FIRST)
        if not spans:
            return []
        found: list[Word] = []
        counts: list[int] = []
        free = taken = 0  # the first token that is free, and where the last that is taken ends
        for start, end in split_words(text[: rest_of_word(text, spans[-1][1].end)]):
            while free < len(spans) and spans[free][1].end <= start:
                free += 1
            if free < len(spans) and spans[free][1].start < end:
                found.append(Word(spans[free][0], start, end))
                counts.append(1)
                taken = spans[free][1].end
                free += 1
            elif found and start < taken:
                found[-1] = found[-1]._replace(end=end)
                counts[-1] += 1
        return [
            word if count == 1 else Word(word.token, *without_marks(text, word.start, word.end))
            for word, count in zip(found, counts, strict=True)
        ]
