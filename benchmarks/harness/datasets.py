"""The data sets of the accuracy suites: in the folder that `--data` names, or made by a grammar."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bitfit_toolkit import Example, load_examples
from tasks import entailment, foreign


@dataclass(frozen=True, slots=True)
class Dataset:
    """A task's files in its folder, its task type, and the metric that decides; None is the task type's own.

    Where it has `generate`, that makes its examples, and there are no files.
    """

    task: str
    task_type: str = "classification"
    metric: str | None = None
    training_file: str = "train.jsonl"
    evaluation_file: str = "dev.jsonl"
    generate: Callable[[], tuple[list[Example], list[Example]]] | None = None

    def load(self, folder: Path) -> tuple[list[Example], list[Example]]:
        """Return the examples for training and for evaluation, where files are of `FOLDER/TASK`. Raises DataError."""
        if self.generate is not None:
            return self.generate()
        training, evaluation = (
            load_examples(folder / self.task / file, task_type=self.task_type)
            for file in (self.training_file, self.evaluation_file)
        )
        return training, evaluation


DATASETS = {
    dataset.task: dataset
    for dataset in (
        Dataset("sst2"),
        Dataset("mrpc"),
        Dataset("stsb", "regression"),
        Dataset("cola", metric="matthews"),
        Dataset("banking77", training_file="train.csv", evaluation_file="test.csv"),
        Dataset("wnut17", "token-classification"),
        Dataset("foreign", "token-classification", generate=foreign.generate),
        Dataset("entailment", generate=entailment.generate),
    )
}


def at_most(examples: Sequence[Example], rows: int) -> list[Example]:
    """Return the examples, or `rows` of them: the same at each call."""
    return list(examples) if len(examples) <= rows else random.Random(0).sample(examples, rows)
