"""Runs the Trainer over a learner."""

import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from safetensors.torch import load_file
from transformers import EarlyStoppingCallback, PrinterCallback, TrainerCallback
from transformers.utils import logging as transformers_logging

from bitfit_runtime.errors import MissingExtraError
from bitfit_toolkit.tasks import Example
from bitfit_toolkit.training.checkpoints import WEIGHTS, best_of_ended, last_checkpoint, record, run_facts
from bitfit_toolkit.training.distributed import is_first_process
from bitfit_toolkit.training.learner import Learner
from bitfit_toolkit.training.progress import Progress
from bitfit_toolkit.training.simulate_int8 import quantized_rows
from bitfit_toolkit.training.trainer import BiasTrainer, training_arguments

Items = list[dict[str, Any]]


def fit(learner: Learner, train_items: Items, eval_examples: Sequence[Example], eval_items: Items) -> None:
    """Train whatever parameters of the learner's model require a gradient, as the learner's options say.

    With early stopping the model of the best epoch is kept, by the deciding metric. Raises TrainingError when the
    folder for checkpoints belongs to another run.
    """
    transformers_logging.set_verbosity_error()
    options, kind = learner.options, learner.kind
    learner.balance(train_items)
    with ExitStack() as stack:
        folder = options.checkpoints or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bitfit-train-")))
        resume = _begin_or_resume(learner, train_items, eval_items)
        if options.simulate_int8:
            stack.enter_context(quantized_rows(learner.model.encoder, learner.base.manifest))
        trainer = BiasTrainer(
            model=learner.model,
            args=training_arguments(learner, folder),
            train_dataset=train_items,
            eval_dataset=eval_items,
            data_collator=learner.batches.collate,
            compute_metrics=lambda p: kind.metrics(
                eval_examples, learner.decode(eval_examples, eval_items, p.predictions)
            ),
            callbacks=_callbacks(learner, stack),
        )
        trainer.remove_callback(PrinterCallback)
        ended = best_of_ended(resume, options.early_stopping) if resume else None
        if ended is not None:
            learner.model.load_state_dict(load_file(ended / WEIGHTS), strict=False)
        else:
            trainer.train(resume_from_checkpoint=str(resume) if resume else None)
        trainer.accelerator.unwrap_model(learner.model, keep_fp32_wrapper=False)  # what is measured is float32
    learner.finish()


def _begin_or_resume(learner: Learner, train_items: Items, eval_items: Items) -> Path | None:
    """Return the checkpoint to go on from, None for a run that begins."""
    folder = learner.options.checkpoints
    if folder is None:
        return None
    facts = run_facts(learner, train_items, eval_items)
    resume = last_checkpoint(folder, facts) if learner.options.resume else None
    if resume is None:
        record(folder, facts)
    return resume


def _callbacks(learner: Learner, stack: ExitStack) -> list[TrainerCallback]:
    options = learner.options
    callbacks: list[TrainerCallback] = []
    if options.early_stopping is not None:
        callbacks.append(EarlyStoppingCallback(options.early_stopping))
    if options.progress and is_first_process():
        callbacks.append(stack.enter_context(Progress(options.task, learner.metric)))
    if options.tensorboard is not None and is_first_process():
        callbacks.append(_tensorboard(options.tensorboard))
    return callbacks


def _tensorboard(folder: Path) -> TrainerCallback:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise MissingExtraError(f"curves need tensorboard ({error}): pip install 'bitfit-edge[tensorboard]'") from None
    from transformers.integrations import TensorBoardCallback

    return TensorBoardCallback(SummaryWriter(str(folder)))
