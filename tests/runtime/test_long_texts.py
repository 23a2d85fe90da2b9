"""Long texts: only their heads are tokenized, and what is kept of them is what would be kept of the whole."""

import os
import random
import resource
import subprocess
import sys

import pytest
from tokenizers import Tokenizer as Raw

from bitfit_runtime.errors import InputError
from bitfit_runtime.text_head import EXACT, LONGEST_WORD
from bitfit_runtime.token_layout import longest_first
from bitfit_runtime.tokenizer import Tokenizer
from support.tokenizer_kinds import CORPUS, KINDS, make_kind

WORDS = [word for line in CORPUS for word in line.split()]
ODD = [
    "aaaa",
    "[SEP]",
    "<mask>",
    "x" * 300,
    "1234567",
    "\u200b",
    "e\u0301",
    "ﬁ",
    "I'm",
    "a.b/c?d=e&f",
    "🙂",
    "\x00",
    "...",
]
SPACES = [" "] * 12 + ["  ", "\n", "\t", "\u00a0", "   \n ", "", "\u3000"]
LENGTHS = (1, 2, 3, 4, 5, 16, 64, 128)


def made_up(draw: random.Random, words: int) -> str:
    return "".join(draw.choice((*WORDS, *ODD)) + draw.choice(SPACES) for _ in range(words))


def of_the_whole(raw: Raw, first: str, second: str | None, limit: int) -> tuple[list[int], list[int], bool]:
    """Ids and types of texts that the tokenizers library tokenizes whole, without those that are too many."""
    room = max(limit - raw.num_special_tokens_to_add(second is not None), 0)
    whole = raw.encode(first, second)
    lengths = whole.sequence_ids.count(0), whole.sequence_ids.count(1)
    kept = longest_first(*lengths, room)
    seen, ids, types = [0, 0], [], []
    for token, kind, side in zip(whole.ids, whole.type_ids, whole.sequence_ids, strict=True):
        if side is None or seen[side] < kept[side]:
            ids.append(token)
            types.append(kind)
        if side is not None:
            seen[side] += 1
    return ids, types, kept != lengths


@pytest.mark.parametrize("kind", KINDS)
def test_ids_are_those_of_the_whole_text(kind: str) -> None:
    draw, raw = random.Random(kind), make_kind(kind)
    tokenizer = Tokenizer(raw)
    for words in (0, 1, 3, 20, 300, 3000):
        for others in (None, 0, 5, 900):
            first, second = made_up(draw, words), None if others is None else made_up(draw, others)
            length = draw.choice(LENGTHS)
            found = tokenizer.tokenize([(first, second)], [length])[0]
            expected = of_the_whole(raw, first, second, length)
            assert (found.ids.tolist(), found.type_ids.tolist(), found.truncated) == expected


def test_a_text_of_thousand_letter_words_is_read_as_far_as_it_takes() -> None:
    raw = make_kind("bert-uncased")
    text = " ".join("b" * LONGEST_WORD for _ in range(300)) + " Ann"
    assert Tokenizer(raw).tokenize([(text, None)], [128])[0].ids.tolist() == of_the_whole(raw, text, None, 128)[0]


def test_white_space_and_characters_without_a_token_do_not_hide_what_follows() -> None:
    raw = make_kind("bert-uncased")
    text = " " * 20_000 + "\u200b" * 20_000 + " Ann"
    found = Tokenizer(raw).tokenize([(text, None)], [16])[0]
    assert (found.ids.tolist(), found.truncated) == (of_the_whole(raw, text, None, 16)[0], False)


def test_behind_a_word_of_more_than_a_thousand_letters_a_very_long_text_is_not_read_and_that_is_said() -> None:
    raw = make_kind("bert-uncased")
    start = "Ann met Bob "
    found, shorter = Tokenizer(raw).tokenize(
        [(start + "b" * EXACT + " Oslo", None), (start + "b" * 50_000 + " Oslo", None)], [16, 16]
    )
    assert found.truncated
    assert found.ids.tolist() == of_the_whole(raw, start + "b" * LONGEST_WORD, None, 16)[0]
    assert not shorter.truncated
    assert shorter.ids.tolist() == of_the_whole(raw, start + "b" * 50_000 + " Oslo", None, 16)[0]


def test_a_string_that_is_no_text_is_refused_wherever_that_is() -> None:
    with pytest.raises(InputError, match="lone surrogate"):
        Tokenizer(make_kind("roberta")).tokenize([("word " * 50_000 + "\ud800", None)], [16])


HOSTILE = """
import resource, sys
from bitfit_runtime.tokenizer import Tokenizer
from support.tokenizer_kinds import make_kind
tokenizer = Tokenizer(make_kind(sys.argv[1]))
text = {"words": "Ann met Bob in Oslo, " * 500_000, "letter": "a" * 10**7, "space": " " * 10**7,
        "accents": "e" + "\\u0301" * 10**7, "chinese": "\\u9f98" * 10**7, "long": ("b" * 1000 + " ") * 10_000}
text = text[sys.argv[2]]
tokenizer.tokenize([("warm up", None)], [16])[0].words("warm up")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
tokens = tokenizer.tokenize([(text, None)], [128])[0]
tokens.words(text), tokens.spans(text, 0)
assert tokens.truncated and len(tokens) <= 128
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


@pytest.mark.parametrize(
    ("kind", "text"),
    [("bert-uncased", "words"), ("bert-uncased", "long"), ("roberta", "accents"), ("deberta-v2", "chinese")],
)
def test_ten_megabytes_take_forty_more_at_most(kind: str, text: str) -> None:
    path = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}  # `support` is where pytest looks, not Python
    command = [sys.executable, "-c", HOSTILE, kind, text]
    run = subprocess.run(command, env=path, capture_output=True, text=True, check=True)
    assert float(run.stdout) <= 40


def test_what_is_kept_of_a_row_is_small() -> None:
    document = "Ann met Bob in Oslo, " * 1_250  # 5,000 words
    tokenizer = Tokenizer(make_kind("bert-uncased"))
    tokenizer.tokenize([(document, None)], [128])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    kept = tokenizer.tokenize([(document, None)] * 3000, [128] * 3000)
    assert sum(text.ids.nbytes + text.type_ids.nbytes + text.offsets.nbytes for text in kept) <= 3000 * 1700
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024 <= 60
