"""Check of a tokenizer: whether entities and answers can be told by its tokens.

Known entities become labels of words as in training, the labels perfect logits, and these answers as on a device. What
is not found again, no training can make the base find.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import tokenizers

from bitfit_exporters.errors import VerificationError
from bitfit_runtime.inputs import Row
from bitfit_runtime.tasks.base import HeadOutput
from bitfit_runtime.tasks.span import SPAN, Span, find_tokens, searched_text
from bitfit_runtime.tasks.token_classification import TOKEN_CLASSIFICATION, Entities, tag_words
from bitfit_runtime.tokenized_text import FIRST
from bitfit_runtime.tokenizer import Tokenizer
from bitfit_runtime.transitions import BEGIN, INSIDE, OUTSIDE
from bitfit_runtime.words import split_words

# Made up; an entity stands as ⟦NAME:its characters⟧. Every tokenizer must be right on the first ones.
PLAIN: Final = (
    "⟦PER:Ann⟧ met ⟦PER:Bob⟧ in ⟦LOC:Oslo⟧ last May",
    "They sent ⟦PER:Mary Poole⟧ and her dog to ⟦LOC:New York⟧ by train",
    "the boat from ⟦LOC:Lima⟧ is late again",
)
OTHERS: Final = (
    "⟦PER:Ann⟧, ⟦PER:Bob Lee⟧ and (⟦PER:Eve⟧) live in ⟦LOC:Oslo⟧.",
    'He left the ⟦LOC:U.S.⟧ for "⟦LOC:New Oslo⟧": a town, they say!',
    "  ⟦PER:Ann⟧  saw\t⟦PER:Bob⟧\nin ⟦LOC:Lima⟧ \n ",
    "⟦PER:Ann⟧ ⟦PER:Bob⟧ ⟦LOC:Oslo⟧ ⟦LOC:Lima⟧",
    "a\u00a0letter to\u00a0⟦PER:Ann\u00a0Lee⟧\u00a0and Bob",
    "⟦PER:José⟧ and ⟦PER:Jose\u0301⟧ ate at ⟦LOC:Café Ωμέγα⟧ — for ⟦PER:Zoë⟧",
    "🙂 ⟦PER:Ann⟧ 👩\u200d🚀🙂 flew to ⟦LOC:Oslo⟧ 🙂!",
    "⟦PER:Ann-Marie O'Hara⟧ pays 5% to @bob at 3.50",
    "我住在⟦LOC:北京⟧。⟦PER:王明⟧也是。",
    "⟦PER:アン⟧は⟦LOC:東京⟧に住む",
    "הרכבת אל ⟦LOC:חיפה⟧ יצאה",
    "ذهب ⟦PER:علي⟧ إلى ⟦LOC:مكة⟧، ثم عاد",
    "⟦LOC:МОСКВА⟧ и ⟦LOC:Киев⟧, вчера",
)
QUESTION: Final = "Who or where?"
MARKED: Final = re.compile(r"⟦(\w+):(.*?)⟧")
NAMES: Final = ("LOC", "PER")
LABELS: Final = (OUTSIDE, *(prefix + name for name in NAMES for prefix in (BEGIN, INSIDE)))
SPAN_LABELS: Final = ("start", "end")
LONG_ENOUGH: Final = 512
CERTAIN: Final = 20.0
Float32 = npt.NDArray[np.float32]
Piece = tuple[str, int, int]


@dataclass(frozen=True, slots=True)
class TokenizerCheck:
    """What was found again: `entities_f1` over all entities, `answers_exact` of them as answers to a question.

    `lost` are those that were not.
    """

    entities_f1: float
    answers_exact: float
    lost: tuple[str, ...] = ()


def check_tokenizer(tokenizer: tokenizers.Tokenizer, texts: tuple[str, ...] = (*PLAIN, *OTHERS)) -> TokenizerCheck:
    """Return how many of the entities in `texts` are found again.

    That some are not is a limit of entity and span tasks alone: a token may cover more than the entity. Raises
    VerificationError where the tokenizer does not say of which characters its tokens were made.
    """
    own = Tokenizer(tokenizer)
    for text in PLAIN:
        _check_characters(own, MARKED.sub(r"\2", text))
    lost: list[str] = []
    expected = found = right = answers = 0
    for marked in texts:
        text, entities = parse(marked)
        again = entities_again(own, text, entities)
        exact = [answer_again(own, text, start, end) == (start, end) for _, start, end in entities]
        expected, found, answers = expected + len(entities), found + len(again), answers + sum(exact)
        right += len(set(again) & set(entities))
        whole = [entity in again and same for entity, same in zip(entities, exact, strict=True)]
        lost += [text[start:end] for (_, start, end), same in zip(entities, whole, strict=True) if not same]
    return TokenizerCheck(2 * right / max(1, expected + found), answers / max(1, expected), tuple(lost))


def parse(marked: str) -> tuple[str, list[Piece]]:
    """Return a text and its entities, which `marked` holds as ⟦NAME:characters⟧."""
    text, end = "", 0
    entities: list[Piece] = []
    for match in MARKED.finditer(marked):
        text += marked[end : match.start()]
        entities.append((match[1], len(text), len(text) + len(match[2])))
        text, end = text + match[2], match.end()
    return text + marked[end:], entities


def entities_again(tokenizer: Tokenizer, text: str, entities: list[Piece]) -> list[Piece]:
    """Return what a model answers that gives every word the label which training would give it."""
    tokens = tokenizer.tokenize([(text, None)], [LONG_ENOUGH])[0]
    logits: Float32 = np.zeros((len(tokens), len(LABELS)), np.float32)
    words = tokens.words(text)
    for word, tag in zip(words, tag_words(words, entities), strict=True):
        logits[word.token, LABELS.index(tag)] = CERTAIN
    answer: Entities = TOKEN_CLASSIFICATION.postprocess(HeadOutput("check", LABELS, Row(text), logits, tokens))
    return [(entity.label, entity.start, entity.end) for entity in answer.entities]


def answer_again(tokenizer: Tokenizer, text: str, start: int, end: int) -> tuple[int, int]:
    """Return what a model answers that is certain of the tokens which training would give it as the answer's."""
    row = Row(QUESTION, text_pair=text)
    tokens = tokenizer.tokenize([(row.text, row.text_pair)], [LONG_ENOUGH])[0]
    logits: Float32 = np.zeros((len(tokens), 2), np.float32)
    if found := find_tokens(tokens.spans(*searched_text(row.text, row.text_pair)), start, end):
        logits[list(found), [0, 1]] = CERTAIN
    answer: Span = SPAN.postprocess(HeadOutput("check", SPAN_LABELS, row, logits, tokens))
    return answer.start, answer.end


def _check_characters(tokenizer: Tokenizer, text: str) -> None:
    """Raise VerificationError unless the tokens of a plain text, in order, are made of all its words."""
    spans = [span for _, span in tokenizer.tokenize([(text, None)], [LONG_ENOUGH])[0].spans(text, FIRST)]
    if spans != sorted(spans):
        raise VerificationError(f"the tokenizer's offsets go backwards in {text!r}; give the model's own tokenizer")
    covered = {index for span in spans for index in range(*span)}
    for word in _missing(text, covered):
        raise VerificationError(
            f"the tokenizer's offsets miss characters of {word!r} in {text!r}, so that no entity could be right; "
            "give the model's own tokenizer"
        )


def _missing(text: str, covered: set[int]) -> Iterator[str]:
    return (text[start:end] for start, end in split_words(text) if not covered.issuperset(range(start, end)))
