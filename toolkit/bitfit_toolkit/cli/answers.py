"""Answers as people and programs want to read them."""

from typing import Any

from bitfit_runtime import Prediction, Row
from bitfit_runtime.prediction import Answer, Embedding, Entities, LabelSet, Score, Span


def facts(row: Row, answer: Answer, top: int) -> dict[str, Any]:
    """Return what an answer says, as JSON has it; `top` labels of a classification."""
    match answer:
        case Prediction():
            best = [{"label": label, "probability": probability} for label, probability in answer.top(top)]
            return best[0] | ({"top": best} if top > 1 else {})
        case LabelSet():
            chosen = dict(zip(answer.labels, answer.probabilities, strict=True))
            return {"labels": list(answer.chosen), "probabilities": chosen}
        case Score():
            return {"value": answer.value}
        case Entities():
            return {"entities": [_entity(row, entity.start, entity.end, entity.label) for entity in answer.entities]}
        case Span():
            place = {"start": answer.start, "end": answer.end}
            return {"answer": answer.text, **place, "probability": answer.probability}
        case Embedding():
            return {"vector": answer.vector.tolist()}


def summary(row: Row, answer: Answer, top: int) -> str:
    """Return an answer as one short line; `top` labels of a classification."""
    match answer:
        case Prediction():
            return ", ".join(f"{label} {probability:.3f}" for label, probability in answer.top(top))
        case LabelSet():
            return ", ".join(answer.chosen) or "none"
        case Score():
            return f"{answer.value:.3f}"
        case Entities():
            return ", ".join(f"{row.text[e.start : e.end]} ({e.label})" for e in answer.entities) or "none"
        case Span():
            return f"{answer.text} {answer.probability:.3f}"
        case Embedding():
            return "[" + ", ".join(f"{value:.3f}" for value in answer.vector[:4]) + ", …]"


def _entity(row: Row, start: int, end: int, label: str) -> dict[str, Any]:
    return {"label": label, "text": row.text[start:end], "start": start, "end": end}
