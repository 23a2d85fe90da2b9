"""Words and characters of tokens, which the text alone decides."""

import unicodedata
from typing import Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tokenizers import Tokenizer as Raw
from tokenizers import models, normalizers, pre_tokenizers

from bitfit_runtime.tasks.token_classification import tag_words
from bitfit_runtime.tokenizer import Tokenizer
from bitfit_runtime.words import UNSPACED, split_words, without_marks
from support.tokenizer_kinds import KINDS, make_kind


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Ann's  cat, at\u00a0U.S. 3.50", ["Ann", "'", "s", "cat", ",", "at", "U", ".", "S", ".", "3", ".", "50"]),
        ("我住在北京。", ["我", "住", "在", "北", "京", "。"]),
        ("アンは", ["ア", "ン", "は"]),
        ("佐々木", ["佐", "々", "木"]),
        ("กรุงที่", ["ก", "รุ", "ง", "ที่"]),
        ("Jose\u0301 \u200bAnn\u200f \ufeff \u200b", ["Jose\u0301", "Ann"]),
        ("a\u200db 👩\u200d🚀!", ["a\u200db", "👩\u200d🚀", "!"]),
        ("مكة، ثم", ["مكة", "،", "ثم"]),
        (" \n\u3000", []),
        ("a\x1cb c\x85d", ["a\x1cb", "c", "d"]),
    ],
)
def test_words_are_split_at_white_space_marks_and_characters_of_scripts_without_spaces(
    text: str, words: list[str]
) -> None:
    assert [text[start:end] for start, end in split_words(text)] == words


LETTERS = models.WordPiece({"[UNK]": 0, **{chr(code): code for code in range(33, 127)}}, unk_token="[UNK]")
REFERENCE = Raw(LETTERS)
REFERENCE.normalizer = normalizers.BertNormalizer(lowercase=False, strip_accents=False)
REFERENCE.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
KNOWN = st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs", "Cn"])


# Marks that are younger than the tables of BERT's pre-tokenizer, or that it does not take for white space or a mark.
UNLIKE: Final = "\x0b\x0c\x85\u166d"


def spaced(text: str) -> bool:
    """Whether the reference knows all characters, and none is of a script without spaces."""
    if any(unicodedata.ucd_3_2_0.category(character) == "Cn" or character in UNLIKE for character in text):
        return False
    return not any(first <= ord(character) <= last for character in text for first, last in UNSPACED)


@given(st.text(st.one_of(st.sampled_from("ab ,.'$-\n\u00a0é\u0301\u200b"), KNOWN.filter(spaced)), max_size=30))
@example("It's $5, ann@b.c — ok?")
def test_words_are_those_of_bert(text: str) -> None:
    encoding = REFERENCE.encode(text, add_special_tokens=False)
    words: dict[int, tuple[int, int]] = {}
    for word, (start, end) in zip(encoding.word_ids, encoding.offsets, strict=True):
        words[word] = (words.get(word, (start, end))[0], end)
    assert [tuple(word) for word in split_words(text)] == list(words.values())


@pytest.mark.parametrize(
    ("piece", "own"),
    [
        ("Paris,", "Paris"),
        ("(Ann's", "Ann"),
        ("U.S.", "U.S."),
        ("J.", "J."),
        ("town.", "town"),
        ("5%", "5%"),
        ("$5", "$5"),
        ("@ann", "@ann"),
        ("„北京“。", "北京"),
        ('").', '").'),
        ("O'Hara", "O'Hara"),
        ("'s", "s"),
        ("New York!", "New York"),
    ],
)
def test_a_token_of_several_words_stands_for_them_without_the_marks_around(piece: str, own: str) -> None:
    start, end = without_marks(f"x{piece}y", 1, 1 + len(piece))
    assert f"x{piece}y"[start:end] == own


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_tokenizer_gives_the_same_words_and_no_white_space(kind: str) -> None:
    text = " Ann  met Bob, in\u00a0Oslo\nlast (old) May. "
    tokens = Tokenizer(make_kind(kind)).tokenize([(text, None), ("", text)], [128, 128])
    words = ["Ann", "met", "Bob", ",", "in", "Oslo", "last", "(", "old", ")", "May", "."]
    assert [text[word.start : word.end] for word in tokens[0].words(text)] == words
    for found in (tokens[0].spans(text, 0), tokens[1].spans(text, 1)):
        pieces = [text[start:end] for _, (start, end) in found]
        assert all(piece and piece == piece.strip() for piece in pieces)
        covered = {index for _, span in found for index in range(*span)}
        assert covered == {index for index, character in enumerate(text) if not character.isspace()}
    assert tokens[1].words("") == []
    assert tokens[1].spans("", 0) == []


def test_an_entity_of_several_words_begins_once_and_the_last_of_two_that_meet_wins() -> None:
    text = "the U.S. won"
    words = Tokenizer(make_kind("bert-uncased")).tokenize([(text, None)], [32])[0].words(text)
    assert tag_words(words, [("LOC", 4, 8)]) == ["O", "B-LOC", "I-LOC", "I-LOC", "I-LOC", "O"]
    assert tag_words(words, [("LOC", 4, 6), ("LOC", 6, 12)]) == ["O", "B-LOC", "I-LOC", "B-LOC", "I-LOC", "I-LOC"]
    assert tag_words(words, [("ORG", 0, 8), ("LOC", 5, 7)]) == ["B-ORG", "I-ORG", "B-LOC", "I-LOC", "I-ORG", "O"]
    assert tag_words(words, [("LOC", 3, 4), ("LOC", 90, 99)]) == ["O"] * 6


def test_a_word_that_is_cut_off_in_the_middle_is_whole() -> None:
    text = "Lisbon calls"
    tokens = Tokenizer(make_kind("bert-uncased")).tokenize([(text, None)], [4])[0]
    assert len(tokens) == 4 and tokens.truncated
    assert tokens.words(text)[0][1:] == (0, 6)


def test_the_first_text_of_a_pair_has_words_whether_or_not_a_text_is_cut() -> None:
    tokenizer = Tokenizer(make_kind("bert-uncased"))
    for length in (128, 20, 12):
        tokens = tokenizer.tokenize([("Ann met Bob", "They live in a town, by the sea!")], [length])[0]
        assert tokens.words("Ann met Bob")[0] == (1, 0, 3)
