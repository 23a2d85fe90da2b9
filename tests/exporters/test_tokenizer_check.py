"""The tokenizer oracle: entities and answers are found again by the tokens of every kind of tokenizer."""

import numpy as np
import pytest
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

from bitfit_exporters.errors import VerificationError
from bitfit_exporters.tokenizer_check import OTHERS, PLAIN, TokenizerCheck, check_tokenizer, parse
from bitfit_runtime.inputs import Row
from bitfit_runtime.tasks.base import HeadOutput
from bitfit_runtime.tokenizer import Tokenizer as RuntimeTokenizer
from bitfit_toolkit import Example
from bitfit_toolkit.tasks import TRAINABLE_TASKS
from bitfit_toolkit.tasks.base import Mark
from support.tokenizer_kinds import KINDS, bytes_bpe, make_kind

# As right-to-left and pasted texts have them: no word begins or ends with an invisible character or white space.
MARKS_AROUND = ("⟦LOC:\u200fמכה\u200f⟧ ו ⟦LOC:\ufeffOslo⟧", "to ⟦PER:Ann \u200b⟧Bob")
LETTERS = {"[UNK]": 0, **{letter: index for index, letter in enumerate("abcdefghijklmnopqrstuvwxyz", 1)}}


@pytest.mark.parametrize("kind", KINDS)
def test_every_entity_and_answer_is_found_again(kind: str) -> None:
    assert check_tokenizer(make_kind(kind)) == TokenizerCheck(1.0, 1.0)


@pytest.mark.parametrize("kind", KINDS)
def test_targets_of_training_as_logits_give_the_examples_again(kind: str) -> None:
    tokenizer = RuntimeTokenizer(make_kind(kind))
    parsed = [parse(marked) for marked in (*PLAIN, *OTHERS, *MARKS_AROUND)]
    for name, examples in {
        "token-classification": [Example(text, label=tuple(Mark(*piece) for piece in found)) for text, found in parsed],
        "span": [Example("Who?", text, (Mark("answer", *piece[1:]),)) for text, found in parsed for piece in found],
    }.items():
        task = TRAINABLE_TASKS[name](examples)
        answers = []
        for example in examples:
            tokens = tokenizer.tokenize([(example.text, example.text_pair)], [256])[0]
            logits = np.zeros((len(tokens), len(task.labels)), np.float32)
            target = task.target(example, tokens)
            pairs = enumerate(target) if name == "token-classification" else zip(target, range(2), strict=True)
            for token, label in pairs:
                if label >= 0:
                    logits[token, label] = 20
            row = Row(example.text, text_pair=example.text_pair)
            answers.append(task.task_type.postprocess(HeadOutput("t", task.labels, row, logits, tokens)))
        metrics = task.metrics(examples, answers)
        assert metrics["f1"] == 1.0
        assert metrics.get("exact", 1.0) == 1.0


def test_a_tokenizer_whose_tokens_hold_more_than_an_entity_is_named_but_taken() -> None:
    whole = Tokenizer(models.WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    whole.pre_tokenizer = pre_tokenizers.Split(Regex(r"[^,]+"), "isolated")  # a token from mark to mark
    found = check_tokenizer(whole)
    assert found.entities_f1 < 0.5
    assert "Oslo" in found.lost


def test_a_tokenizer_that_loses_characters_is_refused() -> None:
    vocabulary, merges = bytes_bpe(("[UNK]",))
    losing = Tokenizer(models.BPE(vocabulary, merges))
    losing.normalizer = normalizers.Replace(Regex(r"\b\w"), "")
    losing.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    with pytest.raises(VerificationError, match="offsets miss characters of 'Ann'"):
        check_tokenizer(losing)


def test_a_tokenizer_of_letters_alone_loses_what_is_one_unknown_token_with_its_neighbours() -> None:
    pieces = {**LETTERS, **{"##" + letter: 30 + index for letter, index in LETTERS.items()}}
    tokenizer = Tokenizer(models.WordPiece(pieces, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    assert check_tokenizer(tokenizer).lost == ("アン",)
