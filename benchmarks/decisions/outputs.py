"""Packs of the decisions suite, trained once for each task and seed, and what the engine gives for rows they never saw.

All of it is kept on disk, so that rules that fit decisions are compared without running anything again.
"""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bitfit_runtime import Base, Engine, Pack, Row, read_pack
from bitfit_toolkit import Example, TrainOptions, train
from harness.datasets import DATASETS

ROWS, STEPS, MOST_OTHERS = 1000, 250, 3000
LEFT_OUT = 17  # intents of banking77 that no pack learns
RATES = {"banking77": 1e-2, "intent-words": 1e-2}
RATE = 3e-3
# Names of intents, split into words, are labels of which a text has several; rare words are none.
WORDS_FROM = 3  # intents
Float32 = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class TaskRows:
    """A task's examples: those of `train` files alone may be learned, `far` and `near` are of none of its classes."""

    task_type: str
    examples: list[Example]
    near: list[Example]
    far: list[Example]


@dataclass(frozen=True, slots=True, eq=False)
class Outputs:
    """What the engine gives for rows that a pack never saw: logits `[rows, labels]`, pooled `[rows, hidden]`.

    `targets` are indices of labels `[rows]`, or truth values `[rows, labels]` of a multi-label task. `train_*` are of
    the training rows, `near_*` and `far_*` of texts of none of the classes.
    """

    pack: Pack
    pack_bytes: int
    arrays: dict[str, Float32]


def load_task(task: str, folder: Path) -> TaskRows:
    """Return the rows of a task. Raises DataError."""
    source = DATASETS["banking77" if task == "intent-words" else task]
    training, evaluation = source.load(folder)
    if source.task != "banking77":
        return TaskRows(source.task_type, training if task != "mrpc" else training + evaluation, [], [])
    intents = sorted({str(example.label) for example in training})
    out = set(random.Random(0).sample(intents, LEFT_OUT))
    known = [example for example in training + evaluation if example.label not in out]
    if task == "intent-words":
        return TaskRows(
            "multi-label", [replace(one, label=words) for one, words in _words(training + evaluation)], [], []
        )
    near = [example for example in evaluation if example.label in out]
    return TaskRows("classification", known, near, DATASETS["sst2"].load(folder)[1])


def outputs_path(work: Path, task: str, seed: int) -> Path:
    """Return the file of what a pack gives, which is written when all of it is there."""
    return work / f"{task}-{seed}.npz"


def outputs_of(base: Base, engine: Engine, rows: TaskRows, task: str, seed: int, work: Path) -> Outputs:
    """Return what a pack gives that was trained on `ROWS` rows which the seed draws; from `work` where it is there."""
    path = outputs_path(work, task, seed)
    pack_path = path.with_suffix(".safetensors")
    order = random.Random(seed).sample(rows.examples, len(rows.examples))
    learned, others = order[:ROWS], order[ROWS : ROWS + MOST_OTHERS]
    if not path.exists():
        options = TrainOptions(
            task=task,
            task_type=rows.task_type,
            max_steps=STEPS,
            max_length=96,
            learning_rate=RATES.get(task, RATE),
            seed=seed,
            encoding="int8",
        )
        train(base, learned, others[:100], pack_path, options)
        engine.install(task, pack_path)
        arrays = {}
        for name, examples in (("", others), ("train_", learned), ("near_", rows.near), ("far_", rows.far)):
            if examples:
                asked = [Row(example.text, task, example.text_pair) for example in examples]
                arrays[f"{name}logits"] = np.stack(engine.logits(asked))
                arrays[f"{name}pooled"] = engine.embed(asked)
        labels = engine.tasks[task].labels
        for name, examples in (("", others), ("train_", learned)):
            arrays[f"{name}targets"] = _targets(examples, labels)
        np.savez_compressed(path, **arrays)  # type: ignore[arg-type]  # numpy types its one keyword as all
    with np.load(path) as found:
        return Outputs(read_pack(pack_path), pack_path.stat().st_size, dict(found))


def _words(examples: Sequence[Example]) -> list[tuple[Example, tuple[str, ...]]]:
    """Return each example with the words of its intent's name that occur in enough intents."""
    names = {str(example.label) for example in examples}
    counts = Counter(word for name in names for word in set(name.lower().strip("?").split("_")))
    frequent = {word for word, count in counts.items() if count >= WORDS_FROM}
    return [(one, tuple(sorted(frequent & set(str(one.label).lower().strip("?").split("_"))))) for one in examples]


def _targets(examples: Sequence[Example], labels: Sequence[str]) -> Float32:
    if isinstance(examples[0].label, tuple):
        return np.array([[label in one.label for label in labels] for one in examples], np.float32)  # type: ignore[operator]
    index = {label: place for place, label in enumerate(labels)}
    return np.array([index[str(one.label)] for one in examples], np.float32)
