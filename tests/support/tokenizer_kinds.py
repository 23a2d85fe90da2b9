"""A tokenizer of every kind that a supported family can have, built as transformers builds it, on a made-up corpus."""

import json
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import transformers
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from tokenizers.pre_tokenizers import ByteLevel, Metaspace, PreTokenizer, Split, WhitespaceSplit

from bitfit_exporters.tokenizer_check import MARKED, OTHERS, PLAIN

MORE = (
    "the small boat is late and nobody knows why.",
    "They live in a town, by the sea!",
    "our dog (the old one) sleeps",
)
CORPUS = [MARKED.sub(r"\2", text) for text in (*PLAIN, *OTHERS)] + list(MORE)
BERT = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
ROBERTA = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
SPECIAL = [("[CLS]", 2), ("[SEP]", 3)]


@cache
def bytes_bpe(special: tuple[str, ...], size: int = 420) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Vocabulary and merges of a byte-level BPE."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False)
    alphabet = sorted(ByteLevel.alphabet())
    tokenizer.train_from_iterator(
        CORPUS * 3, trainers.BpeTrainer(vocab_size=size, special_tokens=list(special), initial_alphabet=alphabet)
    )
    return _vocabulary(tokenizer)


@cache
def fallback_bpe(special: tuple[str, ...]) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Vocabulary and merges of a BPE on ▁ with a token for each byte; rare characters have none."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tokenizer.pre_tokenizer = Metaspace()
    fallback = [f"<0x{byte:02X}>" for byte in range(256)]
    tokenizer.train_from_iterator(
        [line for line in CORPUS * 3 if line.isascii()],
        trainers.BpeTrainer(vocab_size=420, special_tokens=[*special, *fallback]),
    )
    return _vocabulary(tokenizer)


@cache
def unigram(special: tuple[str, ...], unknown: str, lower: bool = False) -> list[tuple[str, float]]:
    """Pieces and scores of a Unigram model."""
    tokenizer = Tokenizer(models.Unigram())
    if lower:
        tokenizer.normalizer = normalizers.Sequence(
            [normalizers.NFKD(), normalizers.StripAccents(), normalizers.Lowercase()]
        )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([WhitespaceSplit(), Metaspace()])
    trainer = trainers.UnigramTrainer(vocab_size=260, special_tokens=list(special), unk_token=unknown)
    tokenizer.train_from_iterator(CORPUS * 3, trainer)
    return [(piece, score) for piece, score in json.loads(tokenizer.to_str())["model"]["vocab"]]


@cache
def word_pieces(lower: bool, chinese: bool = True) -> dict[str, int]:
    """Vocabulary of a WordPiece: every character, at the beginning of a word and inside, and words of plain letters.

    It is not trained: among pieces that are equally frequent the trainer chooses by chance.
    """
    normalizer = normalizers.BertNormalizer(lowercase=lower, handle_chinese_chars=chinese)
    lines = [normalizer.normalize_str(line) for line in CORPUS]
    characters = sorted({character for line in lines for character in line if not character.isspace()})
    words = sorted({word for line in lines for word in line.split() if word.isascii() and word.isalpha()})
    pieces = [*BERT, *characters, *(f"##{character}" for character in characters), *words]
    return {piece: index for index, piece in enumerate(dict.fromkeys(pieces))}


def _vocabulary(tokenizer: Tokenizer) -> tuple[dict[str, int], list[tuple[str, str]]]:
    model = json.loads(tokenizer.to_str())["model"]
    return model["vocab"], [(one, other) for one, other in model["merges"]]


def _backend(made: Any) -> Tokenizer:
    return Tokenizer.from_str(made.backend_tokenizer.to_str())


def _roberta(prefix: bool, trim: bool) -> Tokenizer:
    vocabulary, merges = bytes_bpe(tuple(ROBERTA))
    return _backend(
        transformers.RobertaTokenizer(vocab=vocabulary, merges=merges, add_prefix_space=prefix, trim_offsets=trim)
    )


def _bytes(pre_tokenizer: PreTokenizer, post: Sequence[Any], normalizer: Any = None) -> Tokenizer:
    vocabulary, merges = bytes_bpe(tuple(BERT))
    tokenizer = Tokenizer(models.BPE(vocabulary, merges))
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.Sequence(list(post)) if len(post) > 1 else post[0]
    return tokenizer


def template() -> processors.TemplateProcessing:
    return processors.TemplateProcessing("[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1", SPECIAL)


def _modernbert() -> Tokenizer:
    return _bytes(ByteLevel(add_prefix_space=False), [template()], normalizers.NFC())


def _eurobert() -> Tokenizer:
    splits = [Split(Regex(LLAMA3), "isolated"), ByteLevel(add_prefix_space=False, use_regex=False)]
    return _bytes(pre_tokenizers.Sequence(splits), [processors.ByteLevel(trim_offsets=True), template()])


def _llama(prefix: bool) -> Tokenizer:
    vocabulary, merges = fallback_bpe(("<unk>", "<s>", "</s>"))
    made = _backend(transformers.LlamaTokenizer(vocab=vocabulary, merges=merges, add_prefix_space=prefix))
    made.post_processor = processors.TemplateProcessing("<s> $A </s>", "<s> $A </s> $B </s>", [("<s>", 1), ("</s>", 2)])
    return made


def _gemma() -> Tokenizer:
    """As mmBERT, a ModernBERT, has it."""
    vocabulary, merges = fallback_bpe(("<unk>", "<s>", "</s>"))
    made = Tokenizer(models.BPE(vocabulary, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    made.normalizer = normalizers.Replace(" ", "▁")
    made.pre_tokenizer = Split(" ", "merged_with_previous")
    made.post_processor = processors.TemplateProcessing("<s> $A </s>", "<s> $A </s> $B </s>", [("<s>", 1), ("</s>", 2)])
    return made


def _deberta(**options: Any) -> Tokenizer:
    lower = bool(options.get("do_lower_case"))
    vocabulary = unigram(("[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]"), "[UNK]", lower)
    return _backend(transformers.DebertaV2Tokenizer(vocab=vocabulary, unk_id=3, **options))


def _old_deberta() -> Tokenizer:
    """As SentencePiece files were converted before transformers 5."""
    made = _deberta()
    made.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")])
    made.pre_tokenizer = Metaspace(prepend_scheme="always")
    return made


KINDS: dict[str, Callable[[], Tokenizer]] = {
    "bert-uncased": lambda: _backend(transformers.BertTokenizer(vocab=word_pieces(True))),
    "bert-cased": lambda: _backend(transformers.BertTokenizer(vocab=word_pieces(False), do_lower_case=False)),
    "bert-whole-chinese": lambda: _backend(
        transformers.BertTokenizer(vocab=word_pieces(True, False), tokenize_chinese_chars=False)
    ),
    "mpnet": lambda: _backend(
        transformers.MPNetTokenizer(vocab={**word_pieces(True), "<s>": 2, "</s>": 3, "<pad>": 0, "<mask>": 4})
    ),
    "roberta": lambda: _roberta(False, True),
    "roberta-prefix": lambda: _roberta(True, True),
    "roberta-untrimmed": lambda: _roberta(False, False),
    "roberta-prefix-untrimmed": lambda: _roberta(True, False),
    "modernbert": _modernbert,
    "eurobert": _eurobert,
    "deberta-v2": _deberta,
    "deberta-v2-lower": lambda: _deberta(do_lower_case=True),
    "deberta-v2-punctuation": lambda: _deberta(split_by_punct=True),
    "deberta-v2-first": lambda: _deberta(add_prefix_space=False),
    "deberta-v2-converted": _old_deberta,
    "albert": lambda: _backend(
        transformers.AlbertTokenizer(vocab=unigram(("<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]"), "<unk>", True))
    ),
    "xlm-roberta": lambda: _backend(transformers.XLMRobertaTokenizer(vocab=unigram(tuple(ROBERTA), "<unk>"))),
    "camembert": lambda: _backend(transformers.CamembertTokenizer(vocab=unigram(tuple(ROBERTA), "<unk>"))),
    "llama": lambda: _llama(True),
    "llama-without-prefix": lambda: _llama(False),
    "gemma": _gemma,
}


@cache
def make_kind(kind: str) -> Tokenizer:
    return KINDS[kind]()
