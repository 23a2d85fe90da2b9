"""Tokenization: from texts to padded batches of token ids. Training uses the same code."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import tokenizers

from bitfit_runtime.errors import BaseFormatError, BitfitError, InputError, first_line, is_panic
from bitfit_runtime.graph import ATTENTION_MASK, INPUT_IDS, TOKEN_TYPE_IDS
from bitfit_runtime.text_head import Head, head, holds, is_valid
from bitfit_runtime.token_layout import NO_SIDE, Layout, Side
from bitfit_runtime.tokenized_text import TokenizedText
from bitfit_runtime.windows import Limit, WindowedText

Int64 = npt.NDArray[np.int64]
# What is tokenized at once: a tokenizer takes some 150 bytes for each character, until ids are all that is left, and
# Python's lists of those some 200 for each token.
TOKENS: Final = 1 << 16
CHARACTERS: Final = 1 << 17
FAILED: Final = "the base's tokenizer fails on a text"


class Tokenizer:
    """Tokenizes texts as the base's model expects them. Safe to share between threads."""

    def __init__(self, tokenizer: tokenizers.Tokenizer) -> None:
        with _failures("the tokenizer cannot be used"):
            self._set(tokenizers.Tokenizer.from_str(tokenizer.to_str()))  # which is changed

    @classmethod
    def from_file(cls, path: Path) -> "Tokenizer":
        """Load `tokenizer.json`. Raises BaseFormatError."""
        made = cls.__new__(cls)
        with _failures(f"{path} is not a tokenizer file"):
            made._set(tokenizers.Tokenizer.from_file(str(path)))
        return made

    def _set(self, tokenizer: tokenizers.Tokenizer) -> None:
        tokenizer.no_padding()
        tokenizer.no_truncation()
        self._layouts = Layout.of(tokenizer, pair=False), Layout.of(tokenizer, pair=True)
        tokenizer.post_processor = None  # some take white space off offsets, and then again, or letters
        self._tokenizer = tokenizer

    def tokenize(self, texts: Sequence[tuple[str, str | None]], max_lengths: Sequence[int]) -> list[TokenizedText]:
        """Tokenize each (text, pair or None), cut to its own maximum length in tokens, special tokens included.

        Of a pair the longer side is cut first. An empty text is its special tokens alone. Of a text of more than
        100,000 characters nothing is read after a word of more than 1,000, which itself is cut there. Raises InputError
        on a string that is not valid Unicode, or of which no token is left where the tokenizer adds none,
        BaseFormatError where the tokenizer itself fails.
        """
        return [found.text for found in self.tokenize_windows(texts, [Limit(length) for length in max_lengths])]

    def tokenize_windows(self, texts: Sequence[tuple[str, str | None]], limits: Sequence[Limit]) -> list[WindowedText]:
        """Tokenize each (text, pair or None) in windows, to its own limit; otherwise as `tokenize` does."""
        found: list[WindowedText] = []
        for some in _ranges([limit.max_length * limit.max_windows for limit in limits], TOKENS):
            chosen, own = texts[some.start : some.stop], limits[some.start : some.stop]
            layouts = [self._layouts[pair is not None] for _, pair in chosen]
            most = [limit.most(layout) for limit, layout in zip(own, layouts, strict=True)]
            firsts = self._encode([text for text, _ in chosen], most)
            paired = [index for index, (_, pair) in enumerate(chosen) if pair is not None]
            pairs = self._encode([chosen[index][1] or "" for index in paired], [most[index] for index in paired])
            seconds = dict(zip(paired, pairs, strict=True))
            for index, (layout, first, limit) in enumerate(zip(layouts, firsts, own, strict=True)):
                found.append(WindowedText.cut(layout, first, seconds.get(index, NO_SIDE), limit))
        if not all(len(one.text) for one in found):
            raise InputError(
                "a text has no token, not even a special one, as this base's tokenizer adds none; pass texts with "
                "words, or export the base again with a tokenizer that adds special tokens"
            )
        return found

    def _encode(self, texts: Sequence[str], rooms: Sequence[int]) -> list[Side]:
        """Tokenize each text, or so much of it as holds one token more than the room for it."""
        if not all(map(is_valid, texts)):
            raise InputError("a text is not valid Unicode, it holds a lone surrogate; pass valid Unicode strings")
        heads = [head(text, room, 0) for text, room in zip(texts, rooms, strict=True)]
        found: list[Side] = []
        for some in _ranges([len(one.text) for one in heads], CHARACTERS):
            with _failures(FAILED):
                encodings = self._tokenizer.encode_batch(
                    [heads[index].text for index in some], add_special_tokens=False
                )
            for index, encoding in zip(some, encodings, strict=True):
                found.append(self._long_enough(texts[index], rooms[index], heads[index], encoding))
        return found

    def _long_enough(self, text: str, room: int, tried: Head, encoding: tokenizers.Encoding) -> Side:
        attempt = 0
        while not tried.last and not holds(len(encoding), room):
            attempt += 1
            tried = head(text, room, attempt)
            with _failures(FAILED):
                encoding = self._tokenizer.encode(tried.text, add_special_tokens=False)
        return Side(encoding.ids[: room + 1], encoding.offsets[: room + 1], not tried.whole)


@contextmanager
def _failures(what: str) -> Iterator[None]:
    """Raise what the library of tokenizers raises as BaseFormatError: bare exceptions, and panics of its Rust code."""
    try:
        yield
    except (BitfitError, MemoryError):
        raise
    except BaseException as error:
        if not isinstance(error, Exception) and not is_panic(error):
            raise
        raise BaseFormatError(f"{what} ({first_line(error)}); export the base again") from None


def _ranges(sizes: Sequence[int], most: int) -> Iterator[range]:
    """Yield ranges of what has at most `most` together, or is one."""
    start = held = 0
    for index, size in enumerate(sizes):
        if index > start and held + size > most:
            yield range(start, index)
            start, held = index, 0
        held += size
    if start < len(sizes):
        yield range(start, len(sizes))


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
        batch[INPUT_IDS][row, :length] = text.ids
        batch[ATTENTION_MASK][row, :length] = 1
        batch[TOKEN_TYPE_IDS][row, :length] = text.type_ids
    return {name: batch[name] for name in inputs}
