"""Runs transformers' Trainer over a learner."""

import tempfile
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import torch
from transformers import EarlyStoppingCallback, PrinterCallback, Trainer, TrainingArguments
from transformers.utils import logging as transformers_logging

from bitfit_toolkit.examples import Example
from bitfit_toolkit.learner import Learner
from bitfit_toolkit.options import TrainOptions
from bitfit_toolkit.simulate import quantized_rows


def fit(
    learner: Learner,
    train_items: list[dict[str, Any]],
    eval_examples: Sequence[Example],
    eval_items: list[dict[str, Any]],
    options: TrainOptions,
) -> None:
    """Train whatever parameters of the learner's model require a gradient.

    With early stopping the model of the best epoch is kept, by the kind's deciding metric.
    """
    transformers_logging.set_verbosity_error()
    stopping = options.early_stopping
    with tempfile.TemporaryDirectory(prefix="bitfit-train-") as scratch:
        trainer = Trainer(
            model=learner.model,
            args=_arguments(options, scratch, learner.kind.metric),
            train_dataset=train_items,
            eval_dataset=eval_items,
            data_collator=learner.batches.collate,
            compute_metrics=lambda p: learner.kind.metrics(
                eval_examples, learner.decode(eval_examples, eval_items, p.predictions)
            ),
            callbacks=[EarlyStoppingCallback(stopping)] if stopping is not None else [],
        )
        trainer.remove_callback(PrinterCallback)
        resume = options.resume and options.checkpoints is not None and any(options.checkpoints.glob("checkpoint-*"))
        rounding = quantized_rows(learner.model.encoder, learner.base.manifest)
        with rounding if options.simulate_int8 else nullcontext():
            trainer.train(resume_from_checkpoint=resume or None)
    learner.finish()


def _arguments(options: TrainOptions, scratch: str, metric: str) -> TrainingArguments:
    stops = options.early_stopping is not None
    return TrainingArguments(
        output_dir=str(options.checkpoints or scratch),
        num_train_epochs=options.epochs,
        max_steps=options.steps or -1,
        learning_rate=options.learning_rate,
        per_device_train_batch_size=options.batch_size,
        per_device_eval_batch_size=64,
        warmup_steps=0.1,
        weight_decay=0.0,
        seed=options.seed,
        eval_strategy="epoch" if stops else "no",
        save_strategy="epoch" if stops or options.checkpoints is not None else "no",
        save_total_limit=2,
        greater_is_better=True if stops else None,
        load_best_model_at_end=stops,
        metric_for_best_model=metric if stops else None,
        logging_strategy="epoch",
        report_to="none",
        remove_unused_columns=False,
        disable_tqdm=not options.progress,
        bf16=options.precision == "bf16",
        use_cpu=options.device == "cpu" or not torch.cuda.is_available(),
        dataloader_pin_memory=torch.cuda.is_available(),
    )
