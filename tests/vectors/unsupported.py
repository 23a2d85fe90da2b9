"""Tokenizers that implementations by table refuse, since the library does something else with them."""

from collections.abc import Iterator
from typing import Any, Final

from vectors.vocabularies import tokenizer

BERT: Final[dict[str, Any]] = dict.fromkeys(("clean_text", "handle_chinese_chars", "lowercase"), True) | {
    "type": "BertNormalizer",
    "strip_accents": None,
}
PRE: Final = {"type": "BertPreTokenizer"}
ROBERTA: Final[dict[str, Any]] = {"type": "RobertaProcessing", "trim_offsets": True, "add_prefix_space": False}
FIRST: Final = {"Sequence": {"id": "A", "type_id": 0}}
FLAGS: Final = ("normalized", "single_word", "lstrip", "rstrip")


def unsupported_cases() -> Iterator[dict[str, Any]]:
    """Yield what is replaced in the file of the tokenizer `uncased`, and in its `model`."""

    def one(name: str, why: str, model: dict[str, Any] | None = None, **replaced: Any) -> dict[str, Any]:
        return {"name": name, "why": why, "replace": replaced, "model": model or {}}

    for name, why, fields in (
        ("accents-kept", "case is taken off, accents are not", {"strip_accents": False}),
        ("case-kept", "accents are taken off, case is not", {"strip_accents": True, "lowercase": False}),
        ("controls-kept", "clean_text is false", {"clean_text": False}),
        ("chinese-joined", "handle_chinese_chars is false", {"handle_chinese_chars": False}),
    ):
        yield one(name, why, normalizer=BERT | fields)
    yield one("no-normalizer", "there is none", normalizer=None)
    yield one("nfc", "another normalizer", normalizer={"type": "NFC"})
    yield one("normalizers", "a sequence of normalizers", normalizer={"type": "Sequence", "normalizers": [BERT]})
    yield one("no-pre-tokenizer", "there is none", pre_tokenizer=None)
    yield one("white-space", "another pre-tokenizer", pre_tokenizer={"type": "Whitespace"})
    yield one("pre-tokenizers", "a sequence of them", pre_tokenizer={"type": "Sequence", "pretokenizers": [PRE]})
    yield one("word-level", "another model", {"type": "WordLevel"})
    yield one("no-unknown", "the vocabulary lacks unk_token", {"unk_token": "[NONE]"})
    yield one("no-post-processor", "there is none", post_processor=None)
    special = {"sep": ["[SEP]", 3], "cls": ["[CLS]", 2]}
    yield one("roberta", "another post-processor", post_processor=ROBERTA | special)
    twice = {"type": "TemplateProcessing", "single": [FIRST, FIRST], "pair": [FIRST, FIRST], "special_tokens": {}}
    yield one("text-twice", "a text is there twice", post_processor=twice)
    yield from _added()


def _added() -> Iterator[dict[str, Any]]:
    made = tokenizer(uncased=True)
    size, lamp = made.get_vocab_size(), made.token_to_id("lamp")
    plain = dict.fromkeys(FLAGS, False) | {"special": True}
    for name, why, token in (
        *((f"added-{flag}", f"an added token is {flag}", {"content": "<a>", "id": size, flag: True}) for flag in FLAGS),
        (
            "added-later",
            "an added token has an id that the library does not give it",
            {"content": "<a>", "id": size + 1},
        ),
        ("added-other", "an added token has another id than in the vocabulary", {"content": "lamp", "id": lamp + 1}),
    ):
        yield {"name": name, "why": why, "replace": {"added_tokens": [plain | token]}, "model": {}}
