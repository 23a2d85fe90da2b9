"""The tokenizers of the vectors: WordPiece over every character that a table makes, and some words."""

from typing import Final

import tokenizers
from tokenizers import AddedToken, models, normalizers, pre_tokenizers, processors

from vectors.tables import BECOMES, Table, combining_classes
from vectors.wordpiece import Reader

SPECIAL: Final = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
SENTENCE: Final = (
    "the a an of to in is was and or not please send card box map lamp river stone bridge paper window door light rain"
    " table letter garden street winter summer morning evening doctor train ticket station paris lisbon berlin anna ben"
    " order parcel late good bad day night why when where who 2026 10 12 naive cafe uber strasse"
)
ENDINGS: Final = ("s", "ed", "ing", "er", "ly", "tion", "ness", "able", "th", "st", "re", "an", "in", "on", "ab", "00")
ADDED: Final = ("<user>", "<user>s", "[MASK]ed", "::")
RANGES: Final = (range(0x21, 0x7F), range(0xA1, 0x250), range(0x370, 0x530), range(0x5D0, 0x6D4), range(0x904, 0x970))
MORE: Final = (range(0xE01, 0xE5C), range(0x1100, 0x1200), range(0x3041, 0x3100), range(0x4E00, 0x4E40))


def vocabulary(uncased: bool, inside: str = "##") -> dict[str, int]:
    """Return a vocabulary that has what a table makes of all characters that it changes."""
    table = Reader.of(Table(uncased).path)
    codes = {code for part in (*RANGES, *MORE) for code in part} | set(combining_classes())
    codes |= {other for how, *others in table.becomes.values() if how >= BECOMES for other in others}
    characters = [chr(code) for code in sorted(codes)]
    words = [word if uncased else other for word in SENTENCE.split() for other in (word, word.title())]
    pieces = (*SPECIAL, *words, *characters, *(inside + piece for piece in (*characters, *ENDINGS)))
    return {piece: index for index, piece in enumerate(dict.fromkeys(pieces))}


def tokenizer(uncased: bool, inside: str = "##", longest: int = 100) -> tokenizers.Tokenizer:
    """Return a tokenizer as those of BERT are."""
    made = tokenizers.Tokenizer(
        models.WordPiece(
            vocabulary(uncased, inside),
            unk_token="[UNK]",
            continuing_subword_prefix=inside,
            max_input_chars_per_word=longest,
        )
    )
    made.normalizer = normalizers.BertNormalizer(lowercase=uncased)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.add_special_tokens([AddedToken(token, normalized=False) for token in SPECIAL])
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return made


def added() -> tokenizers.Tokenizer:
    """Return one that differs: added tokens that begin alike, another prefix, short words, another post-processor."""
    made = tokenizer(uncased=True, inside="@@", longest=12)
    made.add_tokens([AddedToken(token, normalized=False) for token in ADDED])
    made.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return made


def tokenizers_of_vectors() -> dict[str, tokenizers.Tokenizer]:
    """Return the tokenizers by name."""
    return {"uncased": tokenizer(True), "cased": tokenizer(False), "added": added()}
