"""Ideas that might close the gap to full fine-tuning, each beside the plain recipe in the same time.

    python -m recipe.ideas --base BASE --data FOLDER [--tasks …] [--ideas …] [--seeds N …]

1,000 training rows and 500 rows held out, as `recipe.run` draws them; × 1 of the measured rates, 417 steps of 16 rows;
at most 1,000 evaluation rows, in torch in float32 on the base's own weights, so that no encoding adds noise. Each cell
is written as it ends; a second call goes on where the first stopped.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import numpy as np
import torch
from transformers import TrainingArguments

from bitfit_exporters.encoder import pool as pool_of_bases
from bitfit_exporters.read_back import rebuild_encoder
from bitfit_runtime import Base, Engine, write_pack
from bitfit_toolkit import Example, TrainOptions
from bitfit_toolkit.training import model as models
from bitfit_toolkit.training import trainer as trainers
from bitfit_toolkit.training.pack_encoding import choose_encoding
from bitfit_toolkit.training.rates import Rates, rates_for
from bitfit_toolkit.training.run import Run
from bitfit_toolkit.training.task_data import Item
from bitfit_toolkit.training.trainer import BiasTrainer, fit
from harness.datasets import DATASETS, Dataset, at_most
from harness.options import add_base, make_parser, results_of, silence
from harness.products import through_onednn
from recipe.run import EVALUATION_ROWS, drawn

STEPS: Final = 417  # in the time of 250 of full fine-tuning
TASKS: Final = ("mrpc", "sst2", "entailment", "wnut17")
LEARNED_ROWS: Final = 256
SOURCES: Final = {
    "mrpc": "entailment",
    "entailment": "mrpc",
    "stsb": "mrpc",
    "sst2": "cola",
    "banking77": "sst2",
    "wnut17": "foreign",
}


@dataclass(frozen=True, slots=True)
class Cell:
    """A run: its metric on rows that it learned from, on rows held out, and on the evaluation rows; its seconds."""

    task: str
    idea: str
    seed: int
    metric: str
    learned: float
    held_out: float
    torch: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Setting:
    """What an idea is tried on: rows to learn from, rows held out, and the options of the plain recipe."""

    base: Base
    dataset: Dataset
    labelled: list[Example]
    rows: list[Example]
    held_out: list[Example]
    options: TrainOptions
    data: Path

    @classmethod
    def of(cls, base: Base, task: str, data: Path, seed: int) -> "Setting":
        """Return the setting of a task and a seed, which draws rows, head and order."""
        dataset = DATASETS[task]
        labelled, _ = dataset.load(data)
        rows, held_out = drawn(labelled, seed)
        options = TrainOptions(
            task=task,
            task_type=dataset.task_type,
            metric_for_best_model=dataset.metric,
            max_steps=STEPS,
            max_length=96,
            seed=seed,
        )
        return cls(base, dataset, labelled, rows, held_out, options, data)

    def learn(self, multiple: float = 1.0, order: int = 0, **changes: Any) -> Run:
        """Return a run that has ended, with changed options; `order` draws another order of rows for the same head."""
        run = Run.start(self.base, self.labelled, replace(self.options, **changes), rebuild_encoder(self.base))
        run = replace(run, options=replace(run.options, seed=run.options.seed + 1000 * order))
        fit(run, run.prepare(self.rows), run.prepare(self.held_out), multiple)
        return run


def soup(setting: Setting) -> Run:
    """Average what three orders of the rows made of the same head (Wortsman et al., 2022, arXiv:2203.05482)."""
    runs = [setting.learn(order=order) for order in range(3)]
    found = [run.model.tensors() for run in runs]
    runs[0].model.load_tensors({name: np.mean([one[name] for one in found], axis=0) for name in found[0]})
    return runs[0]


def start_from(setting: Setting) -> Run:
    """Begin with the pack of another task."""
    other = Setting.of(setting.base, SOURCES[setting.dataset.task], setting.data, 0)
    run = other.learn(encoding="float32")
    with tempfile.TemporaryDirectory() as folder:
        pack = choose_encoding(run, Engine(setting.base, threads=1), other.held_out[:1]).pack
        return setting.learn(start_from=write_pack(pack, Path(folder) / "other.bitfit"))


class QueryHead(torch.nn.Linear):
    """A linear head that also has the query by which tokens are weighed; at 0 that is their mean."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs)
        self.query = torch.nn.Parameter(torch.zeros(inputs))


def attention_pooling(setting: Setting) -> Run:
    """Pool tokens by a softmax over their products with a learned query, in place of their mean."""
    run = Run.start(setting.base, setting.labelled, setting.options, rebuild_encoder(setting.base))
    plain = run.model.head
    assert plain is not None
    head = QueryHead(plain.in_features, plain.out_features)
    with torch.no_grad():
        head.weight.copy_(plain.weight)
        head.bias.copy_(plain.bias)
    run.model.head = head

    def pool(encoded: Any, mask: torch.Tensor, pooling: str) -> torch.Tensor:
        del pooling
        states = encoded.last_hidden_state
        scores = (states @ head.query).masked_fill(mask == 0, -torch.inf)
        found: torch.Tensor = (scores.softmax(-1).unsqueeze(-1) * states).sum(1)
        return found

    changed: Any = models
    changed.pool = pool  # stays: the run is evaluated with it, in this cell alone
    fit(run, run.prepare(setting.rows), run.prepare(setting.held_out))
    return run


def scheduled(name: str) -> Callable[[Setting], Run]:
    """Return a recipe whose rates follow another of transformers' schedules, after the same warm-up."""

    def learn(setting: Setting) -> Run:
        made = trainers.training_arguments

        def arguments(run: Run, folder: Path) -> TrainingArguments:
            found = made(run, folder)
            found.lr_scheduler_type = name
            return found

        with patch.object(trainers, "training_arguments", arguments):
            return setting.learn()

    return learn


def slower(part: str, times: float = 1 / 3) -> Callable[[Setting], Run]:
    """Return a recipe in which one part has smaller rates: the `head`, biases `above`, or of terms as in `q,m2`."""

    def is_part(term: str) -> bool:
        return term not in ("q", "m2") if part == "above" else term in part.split(",")

    def rates_of(run: Run, items: Sequence[Item], multiple: float = 1.0) -> Rates:
        found = rates_for(run, items, multiple)
        biases = (replace(rate, value=rate.value * times) if is_part(rate.term) else rate for rate in found.biases)
        return Rates(tuple(biases), found.head * times if part == "head" else found.head)

    def learn(setting: Setting) -> Run:
        with patch.object(trainers, "rates_for", rates_of):
            return setting.learn()

    return learn


def warmer(setting: Setting) -> Run:
    """Raise the rates over 30 % of the steps rather than over 10 %."""
    with patch.object(trainers, "WARMUP", 0.3):
        return setting.learn()


def steadier(setting: Setting) -> Run:
    """Remember squared gradients for 50 steps rather than for 1,000 (β₂ = 0.98)."""
    made = BiasTrainer.create_optimizer

    def create(self: BiasTrainer, model: Any = None) -> torch.optim.Optimizer:
        optimizer = made(self, model)
        for group in optimizer.param_groups:
            group["betas"] = (0.9, 0.98)
        return optimizer

    with patch.object(BiasTrainer, "create_optimizer", create):
        return setting.learn()


IDEAS: Final[Mapping[str, Callable[[Setting], Run]]] = {
    "plain": Setting.learn,
    "x0.58": lambda setting: setting.learn(3**-0.5),
    "x1/3": lambda setting: setting.learn(1 / 3),
    "steps-250": lambda setting: setting.learn(max_steps=250),
    "cosine": scheduled("cosine"),
    "constant": scheduled("constant_with_warmup"),
    "dropout": lambda setting: setting.learn(dropout=True),
    "batch-32": lambda setting: setting.learn(per_device_train_batch_size=32, max_steps=round(STEPS / 2)),
    "head-slower": slower("head"),
    "inside-slower": slower("q,m2"),
    "q-slower": slower("q"),
    "m2-slower": slower("m2"),
    "m2-x0.58": slower("m2", 3**-0.5),
    "above-slower": slower("above"),
    "warm-up-30": warmer,
    "beta2-0.98": steadier,
    "attention-pooling": attention_pooling,
    "start-from": start_from,
    "soup-of-3": soup,
}
OF_TEXTS_ALONE: Final = ("attention-pooling",)


def main() -> None:
    arguments = parse_arguments()
    silence()
    torch.set_num_threads(1)
    base = Base.open(arguments.base)
    through_onednn()
    arguments.output.mkdir(parents=True, exist_ok=True)
    path = arguments.output / "ideas.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    known = {(cell.task, cell.idea, cell.seed) for cell in (Cell(**json.loads(line)) for line in lines)}
    for task, idea, seed in wanted(arguments):
        if (task, idea, seed) not in known:
            cell = cell_of(Setting.of(base, task, arguments.data, seed), idea)
            with path.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(asdict(cell)) + "\n")
            print(json.dumps(asdict(cell)), flush=True)


def wanted(arguments: argparse.Namespace) -> Iterator[tuple[str, str, int]]:
    """Yield what is to be run, idea by idea."""
    for idea in arguments.ideas:
        for task in arguments.tasks:
            if idea in OF_TEXTS_ALONE and DATASETS[task].task_type == "token-classification":
                continue
            yield from ((task, idea, seed) for seed in arguments.seeds)


def cell_of(setting: Setting, idea: str) -> Cell:
    """Train once, and measure."""
    began = time.perf_counter()
    _, evaluation = setting.dataset.load(setting.data)
    with patch.object(models, "pool", pool_of_bases):  # which an idea may change
        run = IDEAS[idea](setting)
        seconds = time.perf_counter() - began
        of = (setting.rows[:LEARNED_ROWS], setting.held_out, at_most(evaluation, EVALUATION_ROWS))
        learned, held_out, in_torch = (run.metrics(run.prepare(rows))[run.metric] for rows in of)
    return Cell(setting.dataset.task, idea, setting.options.seed, run.metric, learned, held_out, in_torch, seconds)


def parse_arguments() -> argparse.Namespace:
    parser = make_parser(__doc__, results_of("recipe"))
    add_base(parser)
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--tasks", nargs="*", default=TASKS, choices=list(DATASETS), help="run just these")
    parser.add_argument("--ideas", nargs="*", default=list(IDEAS), choices=list(IDEAS), help="run just these")
    parser.add_argument("--seeds", nargs="*", type=int, default=[0, 1, 2], help="seeds of the runs")
    return parser.parse_args()


if __name__ == "__main__":
    main()
