"""Writes plain models and what the engine answers to texts: `python -m embedding.plain.prepare FOLDER`."""

import json
import random
import sys
from pathlib import Path
from typing import Any, Final

import numpy as np

from bitfit_exporters import write_plain_model
from bitfit_runtime import Base, Engine, Row, read_pack
from bitfit_runtime.tasks.base import softmax
from vectors.packs import BASE, PACKS
from vectors.vocabularies import SENTENCE

TEXTS: Final = 200
DEMO: Final = Path(__file__).resolve().parents[3] / "demo-output"
OF_DEMO: Final = {"intents": "text-classification", "spam": "text-classification"}
OF_VECTORS: Final = {
    "classification-from-2": "text-classification",
    "classification-accepting": "text-classification",
    "multi-label-int8": "text-classification",
    "token-classification-int4": "token-classification",
    "embedding-int8": "feature-extraction",
}


def texts() -> list[str]:
    """Return texts that fit: of longer ones transformers.js cuts off the last special token too."""
    rng, words = random.Random(1), SENTENCE.split()
    return [" ".join(rng.choices(words, k=rng.randrange(1, 20))).capitalize() + rng.choice(".!?") for _ in range(TEXTS)]


def expected(engine: Engine, name: str) -> list[Any]:
    """Return for each text the label and its probability, those of each token, or the vector."""
    rows = [Row(text, name) for text in texts()]
    labels = engine.tasks[name].labels
    if not labels:
        return [vector.tolist() for vector in engine.embed(rows)]
    if engine.tasks[name].task_type == "token-classification":
        found = []
        for logits in engine.logits(rows):
            chances = softmax(logits)[1:-1]  # without the special tokens
            best = chances.argmax(-1)
            found.append([[labels[label], float(row[label])] for label, row in zip(best, chances, strict=True)])
        return found
    answers: list[Any] = engine.predict(rows)
    chances = [np.array(answer.probabilities) for answer in answers]
    return [[labels[int(row.argmax())], float(row.max())] for row in chances]


def main(folder: Path) -> None:
    """Write those of the vectors, and of the demo where it is made."""
    found: dict[str, Any] = {}
    for source, packs, pipelines in ((BASE, PACKS, OF_VECTORS), (DEMO / "base", DEMO, OF_DEMO)):
        if not source.is_dir():
            continue
        base = Base.open(source)
        engine = Engine(base, threads=1)
        for name, pipeline in pipelines.items():
            pack = read_pack(packs / f"{name}.safetensors")
            engine.install(name, pack)
            write_plain_model(base, pack, folder / name)
            found[name] = {"pipeline": pipeline, "answers": expected(engine, name)}
    (folder / "expected.json").write_text(json.dumps({"texts": texts(), "models": found}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
