"""Labels of converted packs beside those of the originals: a bias adapter of PEFT in torch, heads of scikit-learn.

    python -m conversions.run --data FOLDER [--steps 400] [--work FOLDER]

PEFT trains a BEFT adapter of every linear layer, and the classifier, on the first 3,000 rows of sst2. The evaluation
rows are answered by torch, one by one, and by the engine on a float32 and an int8 base of the same checkpoint, which
pools by its pooler. Logistic regressions are fitted on the engine's vectors of the same rows, as they are and at
length 1.
"""

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from peft import BeftConfig, get_peft_model
from sklearn.linear_model import LogisticRegression
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from bitfit_exporters import ExportOptions, export
from bitfit_runtime import Base, Engine, Prediction
from bitfit_toolkit.convert import from_peft, from_sklearn
from bitfit_toolkit.convert.packing import Naming
from harness.datasets import DATASETS
from harness.machine import facts
from harness.models import minilm
from harness.options import add_work, make_parser, results_of, silence
from harness.reports import write_json

TRAINING_ROWS, BATCH, RATE, LENGTH = 3000, 16, 2e-3, 128
LINEAR = ["query", "key", "value", "dense"]
Float32 = npt.NDArray[np.float32]


def main() -> None:
    parser = make_parser(__doc__, results_of("conversions"))
    add_work(parser)
    parser.add_argument("--data", type=Path, required=True, help="folder that holds the folder sst2")
    parser.add_argument("--steps", type=int, default=400, help="steps of the adapter")
    arguments = parser.parse_args()
    silence()
    torch.set_num_threads(1)
    write_json(arguments.output / "report.json", {**facts(), **measure(arguments)})


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return every figure."""
    train, evaluation = DATASETS["sst2"].load(arguments.data)
    texts, labels = [row.text for row in train[:TRAINING_ROWS]], [str(row.label) for row in train[:TRAINING_ROWS]]
    names = sorted(set(labels))
    asked, truth = [row.text for row in evaluation], np.array([names.index(str(row.label)) for row in evaluation])
    adapter = arguments.work / f"beft-{arguments.steps}"
    expected = original(adapter, texts, [names.index(label) for label in labels], asked, arguments.steps)
    best = expected.argmax(1)
    found: dict[str, Any] = {
        "steps": arguments.steps,
        "rows": len(asked),
        "accuracy_torch": share(best == truth),
        "margin_torch": float(np.median(np.abs(expected[:, 1] - expected[:, 0]))),
    }
    for precision in ("fp32", "int8"):
        engine = Engine(pooled_base(arguments.work, precision), threads=1)
        engine.install("beft", from_peft(adapter, engine.base, Naming(labels=tuple(names))).pack)
        logits = np.stack(engine.logits(asked, "beft"))
        found[precision] = {
            "equal_labels": share(logits.argmax(1) == best),
            "largest_difference": float(np.abs(logits - expected).max()),
            "accuracy": share(logits.argmax(1) == truth),
            **heads(engine, texts, labels, asked),
        }
        print(precision, found[precision], flush=True)
    return found


def original(adapter: Path, texts: list[str], labels: list[int], asked: list[str], steps: int) -> Float32:
    """Train the adapter, save it, and return torch's logits of the texts that are asked `[texts, labels]`."""
    torch.manual_seed(0)
    tokenizer = AutoTokenizer.from_pretrained(minilm())
    model = AutoModelForSequenceClassification.from_pretrained(minilm(), num_labels=2)
    model = get_peft_model(model, BeftConfig(target_modules=LINEAR, task_type="SEQ_CLS")).eval()
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=RATE)
    generator, began = np.random.default_rng(0), time.perf_counter()
    for _ in range(steps):
        chosen = generator.choice(len(texts), BATCH, replace=False)
        given = [texts[index] for index in chosen]
        batch = tokenizer(given, padding=True, truncation=True, max_length=LENGTH, return_tensors="pt")
        target = torch.tensor([labels[index] for index in chosen])
        loss = torch.nn.functional.cross_entropy(model(**batch).logits, target)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    print(f"{steps} steps in {time.perf_counter() - began:.0f} s, last loss {loss.item():.3f}", flush=True)
    model.save_pretrained(adapter)
    with torch.no_grad():
        rows = [model(**tokenizer(text, truncation=True, return_tensors="pt")).logits.numpy() for text in asked]
    return np.concatenate(rows)


def pooled_base(work: Path, precision: str) -> Base:
    """Return MiniLM's base that pools by its pooler, from `work` where it is there."""
    folder = work / f"minilm-pooler-{precision}"
    if not folder.exists():
        export(str(minilm()), folder, ExportOptions(offline=True, pooling="pooler", precision=precision))
    return Base.open(folder)


def heads(engine: Engine, texts: list[str], labels: list[str], asked: list[str]) -> dict[str, float]:
    """Return the shares of labels that a converted head gives as the estimator does."""
    vectors, others = engine.embed(texts), engine.embed(asked)
    found = {}
    for name, scale, given in (("head", lambda rows: rows, None), ("head_of_length_1", at_length_1, texts[:300])):
        estimator = LogisticRegression(max_iter=1000).fit(scale(vectors), labels)
        engine.install(name, from_sklearn(estimator, engine.base, normalized_texts=given).pack)
        answers = np.array([answer.label for answer in engine.predict(asked, name) if isinstance(answer, Prediction)])
        found[name] = share(answers == estimator.predict(scale(others)))
    return found


def at_length_1(rows: Float32) -> Float32:
    scaled: Float32 = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return scaled


def share(equal: Any) -> float:
    return float(np.mean(equal))


if __name__ == "__main__":
    main()
