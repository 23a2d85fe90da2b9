"""From texts to padded batches of token ids. Training uses this same code, so both see the same tokens."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tokenizers import Encoding, Tokenizer

from bitfit_runtime.contract import ATTENTION_MASK, INPUT_IDS, TOKEN_TYPE_IDS
from bitfit_runtime.errors import BundleFormatError, InputError

Int64 = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class EncodedText:
    """One text, or one pair, as token ids with the model's special tokens. `truncated` says that it was too long."""

    encoding: Encoding
    truncated: bool

    def __len__(self) -> int:
        return len(self.encoding)


class TextEncoder:
    """Tokenizes texts as the base's model expects them. Safe to share between threads."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        tokenizer.no_padding()
        tokenizer.no_truncation()
        self._tokenizer = tokenizer

    @classmethod
    def from_file(cls, path: Path) -> "TextEncoder":
        """Load `tokenizer.json`. Raises BundleFormatError."""
        try:
            return cls(Tokenizer.from_file(str(path)))
        except Exception as error:  # tokenizers raises bare Exception
            raise BundleFormatError(f"{path} is no tokenizer file ({error}); export the base again") from None

    def encode(self, texts: Sequence[tuple[str, str | None]], max_lengths: Sequence[int]) -> list[EncodedText]:
        """Encode each (text, pair or None), cut to its own maximum length in tokens, special tokens included.

        Of a pair the longer side is cut first. An empty text is its special tokens alone.
        """
        try:
            firsts = self._tokenizer.encode_batch([text for text, _ in texts], add_special_tokens=False)
            pairs = [pair for _, pair in texts if pair is not None]
            seconds = iter(self._tokenizer.encode_batch(pairs, add_special_tokens=False) if pairs else ())
        except (TypeError, ValueError) as error:  # a lone surrogate is a str that is no text
            raise InputError(f"a text cannot be tokenized ({error}); pass valid Unicode strings") from None
        return [
            self._assemble(first, None if pair is None else next(seconds), limit)
            for first, (_, pair), limit in zip(firsts, texts, max_lengths, strict=True)
        ]

    def _assemble(self, first: Encoding, second: Encoding | None, limit: int) -> EncodedText:
        room = limit - self._tokenizer.num_special_tokens_to_add(second is not None)
        sizes = longest_first(len(first.ids), 0 if second is None else len(second.ids), max(room, 0))
        truncated = len(first.ids) > sizes[0] or (second is not None and len(second.ids) > sizes[1])
        if truncated:
            first.truncate(sizes[0])
            if second is not None:
                second.truncate(sizes[1])
        return EncodedText(self._tokenizer.post_process(first, second, True), truncated)


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


def collate(texts: Sequence[EncodedText], inputs: Sequence[str], pad_token_id: int) -> dict[str, Int64]:
    """Pad texts on the right to the longest of them: each of `inputs` as int64 `[batch, sequence]`."""
    shape = (len(texts), max(len(text) for text in texts))
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
