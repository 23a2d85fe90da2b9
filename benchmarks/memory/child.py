"""A fresh process that does one thing and prints its peak memory and time as JSON.

    python benchmarks/memory/child.py MEASURE BASE PACK FOLDER

Texts are drawn, the same ones each time. What training reads is written into FOLDER before anything heavy is imported.
"""

import json
import random
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from harness.memory import forget_peak, peak_kib

ROWS, DOCUMENTS, HELD_OUT = 100_000, 3_000, 500
SHORT, LONG = 12, 5_000  # words
STEPS, MAX_LENGTH = 20, 128
HUGE = 10_000_000  # characters
# Lengths as in English prose: 4.5 characters on average.
PROSE = """
the of and to in that was his he it with is for as had you not be her on at by which have or from this him but all she
they were my are me one their so an said them we who would been will no when there if more out up into do any your what
has man could other than our some very time upon about may its only now like little then can should made did us such
great before must two these see know over much down after first good men own never most old shall day government
understand everything themselves particular attention interesting afterwards circumstances considered possession
conversation immediately development information different following important necessary experience
"""
WORDS = PROSE.split()


class Work(NamedTuple):
    """What a measure is given: a base, a pack of it, and a folder for files of texts."""

    base: str
    pack: str
    folder: Path


def main() -> None:
    measure, base, pack, folder = sys.argv[1:]
    print(json.dumps(MEASURES[measure](Work(base, pack, Path(folder)))))


def imports_for_training(_work: Work) -> dict[str, float]:
    """What training imports, and no more."""
    import sklearn.metrics
    from pyarrow import csv, json, parquet

    import bitfit_toolkit.training.train

    del sklearn, csv, json, parquet, bitfit_toolkit
    return {"peak_mb": mb(peak_kib())}


def train_rows(work: Work) -> dict[str, float]:
    """Train some steps on many short rows."""
    return train(work, ROWS, SHORT)


def train_documents(work: Work) -> dict[str, float]:
    """Train some steps on long documents, of which little is kept."""
    return train(work, DOCUMENTS, LONG)


def train(work: Work, rows: int, words: int) -> dict[str, float]:
    learned, held_out = (write_rows(work.folder / f"{count}-{words}.jsonl", count, words) for count in (rows, HELD_OUT))

    from bitfit_toolkit import TrainOptions
    from bitfit_toolkit.training.train import train

    began = time.perf_counter()
    options = TrainOptions(max_steps=STEPS, max_length=MAX_LENGTH)
    train(work.base, learned, held_out, work.folder / "pack", options)
    return {"peak_mb": mb(peak_kib()), "seconds": time.perf_counter() - began}


def predict_rows(work: Work) -> dict[str, float]:
    """Answer a list of many short texts."""
    return answer(work, lambda: list(texts(ROWS // 20, SHORT)))


def predict_documents(work: Work) -> dict[str, float]:
    """Answer a list of long documents."""
    return answer(work, lambda: list(texts(DOCUMENTS // 5, LONG)))


def predict_one_huge_text(work: Work) -> dict[str, float]:
    """Answer one text of ten million characters in words."""
    return answer(work, lambda: [next(texts(1, HUGE // 5 + LONG))[:HUGE]])


def predict_one_huge_word(work: Work) -> dict[str, float]:
    """Answer one text of ten million characters in a single word."""
    return answer(work, lambda: ["a" * HUGE])


def answer(work: Work, make: Callable[[], list[str]]) -> dict[str, float]:
    """Answer texts on an engine that answered before; what these take by themselves is the caller's."""
    from bitfit_runtime import Engine

    engine = Engine(work.base, threads=1)
    engine.install("t", work.pack)
    engine.predict(" ".join(WORDS), task="t")
    inputs = make()
    forget_peak()
    before, began = mb(peak_kib()), time.perf_counter()
    engine.predict(inputs, task="t")
    return {"peak_mb": mb(peak_kib()), "before_mb": before, "seconds": time.perf_counter() - began}


def write_rows(path: Path, rows: int, words: int) -> Path:
    with path.open("w", encoding="utf-8") as stream:
        for row, text in enumerate(texts(rows, words)):
            stream.write(json.dumps({"text": text, "label": f"label {row % 3}"}) + "\n")
    return path


def texts(count: int, words: int) -> Iterator[str]:
    """Draw texts, the same ones each time."""
    drawn = random.Random(count)
    for _ in range(count):
        yield " ".join(drawn.choices(WORDS, k=words))


def mb(kib: int) -> float:
    return kib * 1024 / 1e6


IMPORTS = "imports of training"
MEASURES: dict[str, Callable[[Work], dict[str, float]]] = {
    IMPORTS: imports_for_training,
    "train, 100,000 short rows": train_rows,
    "train, 3,000 documents of 5,000 words": train_documents,
    "predict, a list of 5,000 short texts": predict_rows,
    "predict, a list of 600 documents of 5,000 words": predict_documents,
    "predict, one text of 10 MB": predict_one_huge_text,
    "predict, one word of 10 MB": predict_one_huge_word,
}

if __name__ == "__main__":
    main()
