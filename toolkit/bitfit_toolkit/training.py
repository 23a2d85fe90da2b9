"""Train a pack on a base, and prove it on the engine that ships."""

import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from transformers import EarlyStoppingCallback, PrinterCallback, Trainer, TrainingArguments, set_seed
from transformers.utils import logging as transformers_logging

from bitfit_runtime import Base, Engine, PackInfo, write_pack
from bitfit_runtime.contract import LOGITS, TASK_TYPES
from bitfit_runtime.encoding import ENCODINGS
from bitfit_toolkit.batches import Batches
from bitfit_toolkit.choice import AUTO, choose_encoding
from bitfit_toolkit.errors import TrainingError
from bitfit_toolkit.evaluation import torch_answers
from bitfit_toolkit.examples import Example
from bitfit_toolkit.fold import fold
from bitfit_toolkit.kinds import KINDS
from bitfit_toolkit.model import BitfitModel
from bitfit_toolkit.options import TrainOptions
from bitfit_toolkit.simulate import quantized_rows
from bitfit_toolkit.terms import resolve_terms


@dataclass(frozen=True, slots=True)
class TrainReport:
    """Figures of one training run. `engine` and `torch` are metrics of the written pack on the evaluation examples.

    `metric` names the deciding one. `agreement` is the share of examples that both answer alike, None where answers are
    numbers. `encodings_tried` maps each encoding that
    was measured to its metric in the engine and its bytes.
    """

    task: str
    task_type: str
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

    An earlier pack at `output` is replaced only by a finished one. Raises TrainingError, DataError, PackError.
    """
    began = time.perf_counter()
    base = base if isinstance(base, Base) else Base.open(base)
    _check_options(options)
    kind = KINDS[options.task_type](train_examples)
    kind.check(eval_examples, kind.labels)
    terms, biases = resolve_terms(options.terms, base.manifest)
    task_type = TASK_TYPES[options.task_type]
    if not (biases or task_type.has_head):
        raise TrainingError(
            f"{options.task_type} has no head, so --terms none leaves nothing to train; name some terms"
        )
    set_seed(options.seed)
    texts = len(kind.texts(train_examples[0]))
    model = BitfitModel(base, task_type, len(kind.labels), biases, kind.loss, texts)
    if options.device != "cpu" and torch.cuda.is_available():
        model.to("cuda")
    limit = min(options.max_length, base.manifest.max_length)
    batches = Batches(base, kind, limit)
    train_items, eval_items = batches.encode(train_examples), batches.encode(eval_examples)
    if not biases and task_type.output == LOGITS:
        train_items, eval_items = (batches.with_features(items, model) for items in (train_items, eval_items))
    info = PackInfo(
        base=base.manifest.digest,
        base_name=base.manifest.name,
        task=options.task,
        task_type=options.task_type,
        labels=kind.labels,
        pooling=base.manifest.pooling,
        max_length=limit,
        terms=terms,
    )

    def decode(raw: npt.NDArray[np.float32]) -> list[Any]:
        return torch_answers(info, eval_examples, raw, [item["texts"] for item in eval_items])

    def measure(raw: npt.NDArray[np.float32]) -> dict[str, float]:
        return kind.metrics(eval_examples, decode(raw))

    with quantized_rows(model.encoder, base.manifest) if options.simulate_int8 else nullcontext():
        trainer = _fit(model, batches, train_items, eval_items, options, kind.metric, measure)
    engine = Engine(base, threads=torch.get_num_threads())
    choice = choose_encoding(kind.rescale(_folded(model, base)), info, engine, eval_examples, options)
    pack = choice.pack
    model.load_tensors({**base.default_biases, **pack.decode(base.manifest, base.default_biases)})
    in_torch = decode(trainer.predict(eval_items).predictions)
    same = [kind.same(one, other) for one, other in zip(choice.answers, in_torch, strict=True)]
    path = write_pack(pack, output)
    return TrainReport(
        task=options.task,
        task_type=options.task_type,
        metric=kind.metric,
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


def _folded(model: BitfitModel, base: Base) -> dict[str, npt.NDArray[np.float32]]:
    weights = {name: p.detach().float().cpu().numpy() for name, p in model.encoder.named_parameters() if p.ndim == 2}
    return fold(model.tensors(), base.default_biases, weights, base.manifest)


def _check_options(options: TrainOptions) -> None:
    problems = {
        f"epochs should be above 0, found {options.epochs}": options.epochs <= 0,
        f"learning rate should be above 0, found {options.learning_rate}": not options.learning_rate > 0,
        f"batch size should be at least 1, found {options.batch_size}": options.batch_size < 1,
        f"max length should be at least 8, found {options.max_length}": options.max_length < 8,
        f"task type should be one of {', '.join(KINDS)}, found {options.task_type}": options.task_type not in KINDS,
        f"tolerance should be at least 0, found {options.tolerance}": not options.tolerance >= 0,
        f"encoding should be one of {', '.join((*ENCODINGS, AUTO))}": options.encoding not in (*ENCODINGS, AUTO),
        f"precision should be fp32 or bf16, found {options.precision}": options.precision not in ("fp32", "bf16"),
        f"device should be auto, cpu or cuda, found {options.device}": options.device not in ("auto", "cpu", "cuda"),
        "device cuda was asked for, but torch finds no GPU": options.device == "cuda" and not torch.cuda.is_available(),
        "--resume needs --checkpoints": options.resume and options.checkpoints is None,
    }
    for problem, present in problems.items():
        if present:
            raise TrainingError(f"{problem}; change the option and try again")


def _fit(
    model: BitfitModel,
    batches: Batches,
    train_items: list[dict[str, Any]],
    eval_items: list[dict[str, Any]],
    options: TrainOptions,
    metric: str,
    measure: Callable[[npt.NDArray[np.float32]], dict[str, float]],
) -> Trainer:
    """Run transformers' Trainer; with early stopping the model of the best epoch is kept."""
    transformers_logging.set_verbosity_error()
    stopping = options.early_stopping
    with tempfile.TemporaryDirectory(prefix="bitfit-train-") as scratch:
        saves = stopping is not None or options.checkpoints is not None
        arguments = TrainingArguments(
            output_dir=str(options.checkpoints or scratch),
            num_train_epochs=options.epochs,
            learning_rate=options.learning_rate,
            per_device_train_batch_size=options.batch_size,
            per_device_eval_batch_size=64,
            warmup_steps=0.1,
            weight_decay=0.0,
            seed=options.seed,
            eval_strategy="epoch" if stopping is not None else "no",
            save_strategy="epoch" if saves else "no",
            save_total_limit=2,
            greater_is_better=True if stopping is not None else None,
            load_best_model_at_end=stopping is not None,
            metric_for_best_model=metric if stopping is not None else None,
            logging_strategy="epoch",
            report_to="none",
            remove_unused_columns=False,
            disable_tqdm=not options.progress,
            bf16=options.precision == "bf16",
            use_cpu=options.device == "cpu",
            dataloader_pin_memory=torch.cuda.is_available(),
        )
        trainer = Trainer(
            model=model,
            args=arguments,
            train_dataset=train_items,
            eval_dataset=eval_items,
            data_collator=batches.collate,
            compute_metrics=lambda p: measure(p.predictions),
            callbacks=[EarlyStoppingCallback(stopping)] if stopping is not None else [],
        )
        trainer.remove_callback(PrinterCallback)
        resume = options.resume and options.checkpoints is not None and any(options.checkpoints.glob("checkpoint-*"))
        trainer.train(resume_from_checkpoint=resume or None)
    return trainer
