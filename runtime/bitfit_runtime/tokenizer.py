"""Tokenization: from texts to padded batches of token ids. Training uses the same code."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import tokenizers

from bitfit_runtime.errors import BaseFormatError, InputError
from bitfit_runtime.graph import ATTENTION_MASK, INPUT_IDS, TOKEN_TYPE_IDS

Int64 = npt.NDArray[np.int64]


class Word(NamedTuple):
    """A word of a text: the index of its first token, and its characters `start` to `end` (exclusive)."""

    token: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class TokenizedText:
    """One text, or one pair, as token ids with the model's special tokens. `truncated` says that it was cut."""

    encoding: tokenizers.Encoding
    truncated: bool

    def __len__(self) -> int:
        return len(self.encoding)

    def words(self) -> list[Word]:
        """Return the words of the first text."""
        found: list[Word] = []
        last = None
        for index, (word, side) in enumerate(zip(self.encoding.word_ids, self.encoding.sequence_ids, strict=True)):
            if word is None or side != 0:
                continue
            start, end = self.encoding.offsets[index]
            if word == last:
                found[-1] = found[-1]._replace(end=end)
            else:
                found.append(Word(index, start, end))
            last = word
        return found


class Tokenizer:
    """Tokenizes texts as the base's model expects them. Safe to share between threads."""

    def __init__(self, tokenizer: tokenizers.Tokenizer) -> None:
        tokenizer.no_padding()
        tokenizer.no_truncation()
        self._tokenizer = tokenizer

    @classmethod
    def from_file(cls, path: Path) -> "Tokenizer":
        """Load `tokenizer.json`. Raises BaseFormatError."""
        try:
            return cls(tokenizers.Tokenizer.from_file(str(path)))
        except Exception as error:  # tokenizers raises bare Exception
            raise BaseFormatError(f"{path} is not a tokenizer file ({error}); export the base again") from None

    def tokenize(self, texts: Sequence[tuple[str, str | None]], max_lengths: Sequence[int]) -> list[TokenizedText]:
        """Tokenize each (text, pair or None), cut to its own maximum length in tokens, special tokens included.

        Of a pair the longer side is cut first. An empty text is its special tokens alone. Raises InputError on a string
        that is not valid Unicode.
        """
        try:
            firsts = self._tokenizer.encode_batch([text for text, _ in texts], add_special_tokens=False)
            pairs = [pair for _, pair in texts if pair is not None]
            seconds = iter(self._tokenizer.encode_batch(pairs, add_special_tokens=False) if pairs else ())
        except (TypeError, ValueError) as error:  # a lone surrogate is a str that is not valid Unicode
            raise InputError(f"a text cannot be tokenized ({error}); pass valid Unicode strings") from None
        return [
            self._assemble(first, None if pair is None else next(seconds), limit)
            for first, (_, pair), limit in zip(firsts, texts, max_lengths, strict=True)
        ]

    def _assemble(self, first: tokenizers.Encoding, second: tokenizers.Encoding | None, limit: int) -> TokenizedText:
        room = limit - self._tokenizer.num_special_tokens_to_add(second is not None)
        sizes = longest_first(len(first.ids), 0 if second is None else len(second.ids), max(room, 0))
        truncated = len(first.ids) > sizes[0] or (second is not None and len(second.ids) > sizes[1])
        if truncated:
            first.truncate(sizes[0])
            if second is not None:
                second.truncate(sizes[1])
        return TokenizedText(self._tokenizer.post_process(first, second, True), truncated)


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


def collate(
    texts: Sequence[TokenizedText], inputs: Sequence[str], pad_token_id: int, width: int | None = None
) -> dict[str, Int64]:
    """Pad texts on the right to `width`, or to the longest of them: each of `inputs` as int64 `[batch, sequence]`."""
    shape = (len(texts), max(len(text) for text in texts) if width is None else width)
    batch: Mapping[str, Int64] = {
        INPUT_IDS: np.full(shape, pad_token_id, np.int64),
        ATTENTION_MASK: np.zeros(shape, np.int64),
        TOKEN_TYPE_IDS: np.zeros(shape, np.int64),
    }
    for row, text in enumerate(texts):
        length = len(text)
        batch[INPUT_IDS][row, :length] = text.encoding.ids
        batch[ATTENTION_MASK][row, :length] = 1
        batch[TOKEN_TYPE_IDS][row, :length] = text.encoding.type_ids
    return {name: batch[name] for name in inputs}
