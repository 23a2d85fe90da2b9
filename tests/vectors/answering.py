"""How vectors hold numbers and answers."""

from typing import Any

import numpy as np

from bitfit_runtime import Answer, Embedding, Entities, LabelSet, Prediction, Score, Span


def float32(values: np.ndarray) -> list[float]:
    """Return the shortest decimal numbers that are these when they are read as float64 and rounded to float32."""
    found = [float(str(value)) for value in values.astype(np.float32).ravel()]
    assert np.array(found).astype(np.float32).tobytes() == values.astype(np.float32).tobytes()
    return found


def answer_document(answer: Answer) -> dict[str, Any]:
    """Return an answer with everything that it says."""
    head = {"class": type(answer).__name__, "truncated": answer.truncated}
    match answer:
        case Prediction():
            found: dict[str, Any] = {"label": answer.label, "probabilities": list(answer.probabilities)}
            return head | found | {"accepted": answer.accepted, "outlier": answer.outlier}
        case LabelSet():
            return head | {"chosen": list(answer.chosen), "probabilities": list(answer.probabilities)}
        case Score():
            return head | {"value": answer.value}
        case Entities():
            return head | answer.as_dict()
        case Span():
            place = {"text": answer.text, "start": answer.start, "end": answer.end}
            return head | place | {"probability": answer.probability, "accepted": answer.accepted}
        case Embedding():
            return head | {"vector": float32(answer.vector)}
