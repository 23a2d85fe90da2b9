"""Train a pack on a base, and prove it on the engine that ships."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bitfit_runtime import Base, Engine, write_pack
from bitfit_runtime.canary import make_canary
from bitfit_toolkit.tasks import Example
from bitfit_toolkit.training.checks import check_output
from bitfit_toolkit.training.distributed import on_first_process
from bitfit_toolkit.training.fit import fit
from bitfit_toolkit.training.learner import Learner
from bitfit_toolkit.training.options import TrainOptions
from bitfit_toolkit.training.pack_encoding import choose_encoding


@dataclass(frozen=True, slots=True)
class TrainReport:
    """Figures of one training run. `engine` and `torch` are metrics of the written pack on the evaluation examples.

    `metric` names the deciding one. `agreement` is the share of examples that both answer alike, None where answers are
    numbers. `encodings_tried` maps each encoding that
    was measured to its metric in the engine and its bytes.
    """

    task: str
    task_type: str
    learning_rate: float
    seed: int
    metric: str
    labels: int
    pack: str
    pack_bytes: int
    encoding: str
    encodings_tried: dict[str, dict[str, float]]
    trained_parameters: int
    head_parameters: int
    engine: dict[str, float]
    torch: dict[str, float]
    agreement: float | None
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """Return the figures by name, for programs."""
        return asdict(self) | {"difference": self.difference}

    @property
    def difference(self) -> float:
        """The metric in the engine less that in torch."""
        return self.engine[self.metric] - self.torch[self.metric]


def train(
    base: str | Path | Base,
    train_examples: Sequence[Example],
    eval_examples: Sequence[Example],
    output: str | Path,
    options: TrainOptions,
) -> TrainReport:
    """Train the chosen biases and a head, write the pack to `output`, and evaluate the written pack.

    An earlier pack at `output` is replaced only by a finished one. Under `torchrun` all processes train, the first one
    writes, and all return its report. Raises TrainingError, DataError, PackError.
    """
    began = time.perf_counter()
    base = base if isinstance(base, Base) else Base.open(base)
    check_output(Path(output))
    learner = Learner(base, train_examples, options)
    learner.kind.check_labels(eval_examples, learner.kind.labels)
    train_items, eval_items = learner.items(train_examples), learner.items(eval_examples)
    fit(learner, train_items, eval_examples, eval_items)

    def finish() -> TrainReport:
        engine = Engine(base, threads=torch.get_num_threads())
        return conclude(learner, engine, eval_examples, eval_items, output, began)

    return on_first_process(finish)


def conclude(
    learner: Learner,
    engine: Engine,
    eval_examples: Sequence[Example],
    eval_items: Sequence[dict[str, Any]],
    output: str | Path,
    began: float,
) -> TrainReport:
    """Pack what a finished learner learnt, measure the pack in engine and torch, and write it."""
    base, kind, model, options = learner.base, learner.kind, learner.model, learner.options
    choice = choose_encoding(learner.pack_tensors(), learner.info, engine, eval_examples, options)
    pack = make_canary(engine, choice.pack)
    model.load_tensors({**base.default_biases, **pack.decode(base.manifest, base.default_biases)})
    in_torch = learner.answers(eval_examples, eval_items)
    same = [kind.agree(one, other) for one, other in zip(choice.answers, in_torch, strict=True)]
    path = write_pack(pack, output)
    return TrainReport(
        task=options.task,
        task_type=options.task_type,
        learning_rate=options.learning_rate,
        seed=options.seed,
        metric=learner.metric,
        labels=len(kind.labels),
        pack=str(path),
        pack_bytes=path.stat().st_size,
        encoding=pack.info.encoding,
        encodings_tried=choice.tried,
        trained_parameters=sum(p.numel() for name, p in model.encoder.named_parameters() if name in model.biases),
        head_parameters=0 if model.head is None else sum(p.numel() for p in model.head.parameters()),
        engine=dict(pack.info.metrics),
        torch=kind.metrics(eval_examples, in_torch),
        agreement=None if None in same else float(np.mean([bool(one) for one in same])),
        seconds=time.perf_counter() - began,
    )
