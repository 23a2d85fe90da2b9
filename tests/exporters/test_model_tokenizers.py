"""Tokenizers of models' folders: none that is cut, another model's, or of a size that no vocabulary has."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from bitfit_exporters.errors import CheckpointError
from support.checkpoints import COMMON
from support.model_changes import Change, both, config, document, load, remove, tokenizer, weights, write

HUGE = 1 << 31


@pytest.fixture
def folder(checkpoint: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(checkpoint, tmp_path / "model"))


def test_a_token_without_an_embedding_is_refused_by_name(folder: Path) -> None:
    larger = transformers.AutoTokenizer.from_pretrained(folder)
    larger.add_tokens(["<new>", "<newer>"])
    larger.save_pretrained(folder)
    rows = COMMON["vocab_size"]
    with pytest.raises(CheckpointError, match=rf"token '<new>' .* has id {rows}, but the embedding has {rows} rows"):
        load(folder)
    weights(  # as resize_token_embeddings does
        lambda state: (
            state
            | {
                "embeddings.word_embeddings.weight": torch.nn.functional.pad(
                    state["embeddings.word_embeddings.weight"], (0, 0, 0, 2)
                )
            }
        )
    )(folder)
    config(vocab_size=rows + 2)(folder)
    assert load(folder).tokenizer.token_to_id("<newer>") == rows + 1


WORDS = ["the", "parcel", "came", "day", "early", "Paris", "Oslo", "Anna", "Berlin"]


def with_vocabulary(folder: Path, words: list[str]) -> None:
    """Replace the tokenizer by a vocabulary alone, as early models have it, for a model with as many embeddings."""
    before = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(chr(i) for i in range(33, 127))]
    pieces = [*before, *("##" + chr(i) for i in range(97, 123)), *words]
    remove("*token*")(folder)
    write("vocab.txt", "\n".join(pieces) + "\n")(folder)
    config(vocab_size=len(pieces))(folder)
    weights(lambda state: state | {"embeddings.word_embeddings.weight": torch.randn(len(pieces), 64)})(folder)


def test_a_cased_vocabulary_without_its_settings_is_refused(folder: Path) -> None:
    with_vocabulary(folder, WORDS)
    with pytest.raises(CheckpointError, match=r"lower case, but knows words such as 'Anna'.*tokenizer_config.json"):
        load(folder)
    document("tokenizer_config.json", do_lower_case=False)(folder)
    tokenizer = load(folder).tokenizer
    assert tokenizer.encode("Paris", add_special_tokens=False).ids == [tokenizer.token_to_id("Paris")]


def test_a_vocabulary_that_was_cut_is_refused(folder: Path) -> None:
    with_vocabulary(folder, [f"word{i}" for i in range(2000)])
    assert load(folder).tokenizer.get_vocab_size() > 2000
    path = folder / "vocab.txt"
    path.write_text("\n".join(path.read_text().splitlines()[:1000]))
    with pytest.raises(CheckpointError, match=r"has 1000 tokens, but the embedding has \d+ rows: it is cut"):
        load(folder)


@pytest.mark.parametrize(("kept", "message"), [(1500, ""), (300, "has 300 merges for 2062 tokens, .* are cut")])
def test_a_byte_level_tokenizer_whose_merges_were_cut_is_refused(folder: Path, kept: int, message: str) -> None:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    pairs = [(a, b) for a in alphabet[:60] for b in alphabet[60:90]]
    vocabulary = {token: i for i, token in enumerate(["[PAD]", "[UNK]", "[SEP]", *alphabet, *map("".join, pairs)])}
    merged = Tokenizer(models.BPE(vocab=vocabulary, merges=pairs[:kept], unk_token="[UNK]"))
    merged.pre_tokenizer = pre_tokenizers.ByteLevel()
    merged.post_processor = processors.TemplateProcessing("$A [SEP]", special_tokens=[("[SEP]", 2)])
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=merged, pad_token="[PAD]", unk_token="[UNK]")
    remove("*token*")(folder)
    fast.save_pretrained(folder)
    config(vocab_size=len(vocabulary))(folder)
    weights(lambda state: state | {"embeddings.word_embeddings.weight": torch.randn(len(vocabulary), 64)})(folder)
    if not message:
        load(folder)
        return
    with pytest.raises(CheckpointError, match=message.replace("2062", str(len(vocabulary)))):
        load(folder)


def test_a_special_token_that_only_the_template_has_needs_an_embedding_too(folder: Path) -> None:
    content = json.loads((folder / "tokenizer.json").read_text())
    content["post_processor"]["special_tokens"]["[SEP]"]["ids"] = [4000]
    (folder / "tokenizer.json").write_text(json.dumps(content))
    with pytest.raises(CheckpointError, match="special token of id 4000"):
        load(folder)


def with_ids(part: Callable[[dict[str, Any]], None]) -> Change:
    def change(folder: Path) -> None:
        content = json.loads((folder / "tokenizer.json").read_text())
        part(content)
        (folder / "tokenizer.json").write_text(json.dumps(content))

    return change


UNFOLDS = {"type": "Replace", "pattern": {"String": "a"}, "content": "a" * 1000}
ADDED = {"content": "<new>", "special": True}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (with_ids(lambda content: content["model"]["vocab"].update(z=HUGE)), "tokenizer.json gives token 'z' the id 2"),
        (with_ids(lambda content: content["added_tokens"][1].update(id=HUGE)), r"tokenizer.json gives token '\[UNK\]'"),
        (document("added_tokens.json", new=HUGE), "added_tokens.json gives token 'new' the id 2147483648, expected"),
        (document("tokenizer_config.json", added_tokens_decoder={str(HUGE): ADDED}), "tokenizer_config.json gives"),
        (
            document("tokenizer_config.json", tokenizer_class="T5Tokenizer", extra_ids=HUGE),
            "extra_ids should be at most",
        ),
        (both(remove("tokenizer.json"), document("vocab.json", a=0, b=HUGE)), "vocab.json gives token 'b' the id"),
        (tokenizer(normalizer={"type": "Sequence", "normalizers": [UNFOLDS] * 4}), "more than 512 MB of memory with"),
    ],
)
def test_what_would_take_gigabytes_is_refused_before_it_does(folder: Path, change: Change, message: str) -> None:
    change(folder)
    with pytest.raises(CheckpointError, match=message):
        load(folder)


def test_a_special_token_of_a_type_that_no_model_has_is_refused(folder: Path) -> None:
    with_ids(lambda content: content["post_processor"]["single"][0]["SpecialToken"].update(type_id=300))(folder)
    with pytest.raises(CheckpointError, match="a special token has an id or a type that no model has"):
        load(folder)


def test_a_tokenizer_that_leaves_an_empty_text_without_a_token_is_refused(folder: Path) -> None:
    tokenizer(post_processor=None)(folder)
    with pytest.raises(CheckpointError, match=r"an empty text should have special tokens, but the tokenizer adds"):
        load(folder)
