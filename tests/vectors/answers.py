"""Vectors of answers: what every task type makes of what the graph gave."""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from bitfit_runtime import PackInfo, Row
from bitfit_runtime.decisions import Acceptance, Decisions, Outliers
from bitfit_runtime.formats.pack_decisions import decisions_document
from bitfit_runtime.request import Found, answer
from bitfit_runtime.tasks import TASK_TYPES
from bitfit_runtime.tokenizer import Tokenizer
from vectors.answering import answer_document, float32
from vectors.pack_kinds import LABELS
from vectors.texts import SENTENCES
from vectors.vocabularies import tokenizers_of_vectors

HIDDEN: Final = 8
TOLERANCE: Final = 1e-9
HUGE: Final = float(np.finfo(np.float32).max)
ACCEPTANCE: Final = Acceptance(0.5, 0.1, 0.5)
LOOSE_TAGS: Final = ("I-A", "O", "B-A", "I-B", "odd")  # which no pack with transitions may have
LIKE_TAGS: Final = ("O", "B-O", "I-O", "B-I-O", "I-I-O", "B-B-")  # names that look like tags
TEXTS: Final = tuple(text for text in SENTENCES if len(text) != 1)
DECIDED: Final[dict[str, tuple[Decisions | None, ...]]] = {
    "classification": (
        None,
        Decisions(5, 0.25),
        Decisions(5, 4.0, acceptance=ACCEPTANCE),
        Decisions(5, 1.5, outliers=Outliers(-0.9, 0.1, "logits", 1.25)),
        Decisions(5, 1.5, acceptance=ACCEPTANCE, outliers=Outliers(-0.6, 0.1, "pooled", 0.0)),
    ),
    "multi-label": (None, Decisions(5, 2.0), Decisions(5, 0.5, thresholds=(0.1, 0.5, 1.0))),
    "regression": (None,),
    "token-classification": (None,),
    "span": (None, Decisions(5, 3.0), Decisions(5, 1.0, acceptance=Acceptance(0.02, 0.1, 0.5))),
    "embedding": (None,),
}


def answer_cases() -> Iterator[dict[str, Any]]:
    """Yield what the graph gave for a text, and the answer."""
    rng, tokenizer = np.random.default_rng(3), Tokenizer(tokenizers_of_vectors()["uncased"])
    for task_type in TASK_TYPES:
        for index, info in enumerate(_infos(task_type)):
            for place in range(14):
                text = TEXTS[(5 * index + 7 * place) % len(TEXTS)]
                pair = TEXTS[(index + 3 * place) % len(TEXTS)] if place % 3 == 2 or task_type == "span" else None
                yield _case(info, Row(text, "task", pair), tokenizer, rng, place)


def _infos(task_type: str) -> Iterator[PackInfo]:
    def info(**fields: Any) -> PackInfo:
        own = {"labels": LABELS[task_type], "max_length": 40, "tokenizer": ""} | fields
        return PackInfo("", "", "", task_type, pooling="mean", terms=(), **own)

    for decisions in DECIDED[task_type]:
        yield info(decisions=decisions)
    if task_type == "token-classification":
        yield info(words="mean")
        yield info(labels=LOOSE_TAGS)
        yield info(labels=LOOSE_TAGS, tokenizer=None)
        yield info(labels=LIKE_TAGS)
        for transitions in ("legal", "learned"):
            yield info(transitions=transitions)
            yield info(transitions=transitions, words="mean")
    if task_type == "classification":
        yield info(labels=tuple(f"label {index}" for index in range(200)))


def _case(info: PackInfo, row: Row, tokenizer: Tokenizer, rng: np.random.Generator, place: int) -> dict[str, Any]:
    (tokens,) = tokenizer.tokenize([(row.text, row.text_pair)], [info.max_length])
    labels, output = len(info.labels), TASK_TYPES[info.task_type].output
    shape = {"logits": (labels,), "pooled": (HIDDEN,), "token_logits": (len(tokens), labels)}[output]
    values = (rng.choice((0.3, 2, 12)) * rng.standard_normal(shape)).astype(np.float32)
    if place == 5:  # many are equal
        values = np.rint(values)
    if place == 9:
        values = np.where(rng.random(shape) < 0.4, rng.choice((HUGE, -HUGE, 300.0, -300.0), shape), values)
    values = values.astype(np.float32)
    pooled, centres = _outlier_parts(info, rng)
    scores = _scores(info, rng)
    with np.errstate(over="ignore"):  # exp of what is far below 0
        found = answer(info, row, tokens, Found(values, pooled), scores, centres)
    case = {"tokenizer": "uncased", "text": row.text, "pair": row.text_pair, "pack": _document(info)}
    case |= {"shape": list(shape), "values": float32(values), "tolerance": TOLERANCE}
    optional = {"pooled": pooled, "centres": centres, "scores": scores}
    case |= {name: float32(part) for name, part in optional.items() if part is not None}
    return case | {"answer": answer_document(found)}


def _outlier_parts(info: PackInfo, rng: np.random.Generator) -> tuple[np.ndarray | None, np.ndarray | None]:
    if info.decisions is None or info.decisions.outliers is None:
        return None, None
    logits, labels = info.decisions.outliers.space == "logits", len(info.labels)
    centres = rng.standard_normal((labels, labels if logits else HIDDEN))
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    pooled = None if logits else rng.standard_normal(HIDDEN).astype(np.float32)
    return pooled, centres.astype(np.float32)


def _scores(info: PackInfo, rng: np.random.Generator) -> np.ndarray | None:
    count = len(info.labels)
    if info.transitions is None:
        return None
    if info.transitions == "legal":
        return np.zeros((count + 1, count), np.float32)
    return (3 * rng.standard_normal((count + 1, count))).astype(np.float16).astype(np.float32)


def _document(info: PackInfo) -> dict[str, Any]:
    found = {"task_type": info.task_type, "labels": list(info.labels), "max_length": info.max_length}
    found |= {"first_version": info.tokenizer is None}
    found |= {} if info.decisions is None else {"decisions": decisions_document(info.decisions)}
    optional = {"transitions": info.transitions, "words": info.words}
    return found | {name: value for name, value in optional.items() if value is not None}
