"""Vectors of tokens: what the Python runtime's tokenizer makes of texts, and of every character."""

import hashlib
import random
import struct
from collections.abc import Iterator
from typing import Any, Final

from bitfit_runtime.tokenizer import Tokenizer
from bitfit_runtime.words import kinds
from vectors.recipes import Recipe, text_of
from vectors.tables import SURROGATES
from vectors.texts import SENTENCES, drawn
from vectors.vocabularies import tokenizers_of_vectors

BLOCK: Final = 256
TEMPLATE: Final = "a{}b"
DRAWN: Final = 550
NAMES: Final = ("uncased", "cased", "added")
LONG: Final[tuple[Recipe, ...]] = (  # of more than 100,000 characters, where long words end what is read
    {"repeat": [["river stone ", 12_000]]},
    {"repeat": [["box ", 4], ["x", 2_000], [" door", 40_000]]},
    {"repeat": [[" ", 150_000], ["lamp", 1]]},
    {"repeat": [["!", 120_000]]},
    {"repeat": [["x", 99_000], [" lamp", 1]]},
    {"repeat": [["é", 200_000], [" lamp", 1]]},
)
Case = tuple[str, str | Recipe, str | None, int]


def token_cases() -> Iterator[dict[str, Any]]:
    """Yield a case for each text."""
    tokenizers = {name: Tokenizer(made) for name, made in tokenizers_of_vectors().items()}
    for name, text, pair, max_length in _asked():
        whole = text_of(text)
        (found,) = tokenizers[name].tokenize([(whole, pair)], [max_length])
        yield {
            "tokenizer": name,
            "text": text,
            "pair": pair,
            "max_length": max_length,
            "ids": found.ids.tolist(),
            "type_ids": found.type_ids.tolist(),
            "offsets": found.offsets.tolist(),
            "sides": [[side.start, side.stop] for side in found.sides],
            "cut": list(found.cut),
            "words": [list(word) for word in found.words(whole)],
        }


def _asked() -> Iterator[Case]:
    rng = random.Random(5)
    texts = [*SENTENCES, *drawn(DRAWN)]
    for index, text in enumerate(texts):
        names = NAMES if index < len(SENTENCES) else (("uncased", *NAMES)[index % 4],)
        for name in names:
            yield name, text, None, 512
        if index % 4 == 0:
            yield names[0], text, None, rng.choice((3, 4, 5, 8, 13))
        if index % 3 == 0:
            pair = rng.choice(texts) if rng.random() < 0.8 else rng.choice(SENTENCES[:4])
            yield rng.choice(names), text, pair, rng.choice((3, 4, 5, 6, 9, 16, 17, 40, 512))
    for recipe in LONG:
        yield "uncased", recipe, None, 12


def codepoints() -> dict[str, Any]:
    """Return a digest for each block of characters: of their tokens, and of their kinds."""
    found: dict[str, Any] = {"block": BLOCK, "template": TEMPLATE, "tokenizers": {}}
    blocks = [
        [chr(code) for code in range(first, first + BLOCK) if code not in SURROGATES]
        for first in range(0, 0x110000, BLOCK)
    ]
    for name, tokenizer in tokenizers_of_vectors().items():
        digests = []
        for block in blocks:
            texts = [TEMPLATE.format(character) for character in block]
            digest = hashlib.sha256()
            for encoding in tokenizer.encode_batch(texts, add_special_tokens=False):
                for token, (start, end) in zip(encoding.ids, encoding.offsets, strict=True):
                    digest.update(struct.pack("<3i", token, start, end))
                digest.update(struct.pack("<i", -1))
            digests.append(digest.hexdigest()[:8])
        found["tokenizers"][name] = "".join(digests)
    found["kinds"] = "".join(hashlib.sha256(kinds("".join(block)).encode()).hexdigest()[:8] for block in blocks)
    return found
