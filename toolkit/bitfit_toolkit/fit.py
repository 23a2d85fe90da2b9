"""Runs transformers' Trainer over a learner."""

import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from transformers import EarlyStoppingCallback, PrinterCallback, Trainer, TrainerCallback, TrainingArguments
from transformers.utils import logging as transformers_logging

from bitfit_runtime.contract import TOKEN_LOGITS
from bitfit_toolkit.checkpoints import best_of_ended, last_checkpoint, record, run_facts
from bitfit_toolkit.distributed import is_first_process
from bitfit_toolkit.errors import MissingExtraError
from bitfit_toolkit.examples import Example
from bitfit_toolkit.learner import Learner
from bitfit_toolkit.order import ByLength
from bitfit_toolkit.progress import Progress
from bitfit_toolkit.simulate import quantized_rows

WARMUP = 0.1  # of the steps
LARGEST_GRADIENT = 1.0  # norm over a task's parameters
LONGEST_WAIT = 24 * 60 * 60  # seconds that other processes wait while the first one measures the pack


def fit(
    learner: Learner,
    train_items: list[dict[str, Any]],
    eval_examples: Sequence[Example],
    eval_items: list[dict[str, Any]],
) -> None:
    """Train whatever parameters of the learner's model require a gradient, as the learner's options say.

    With early stopping the model of the best epoch is kept, by the deciding metric. Raises TrainingError when a
    checkpoint to go on from belongs to another run.
    """
    transformers_logging.set_verbosity_error()
    options = learner.options
    learner.balance(train_items)
    with ExitStack() as stack:
        folder = options.checkpoints or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bitfit-train-")))
        resume = None
        if options.checkpoints is not None:
            facts = run_facts(learner, train_items, eval_items)
            resume = last_checkpoint(folder, facts) if options.resume else None
            if resume is None:
                record(folder, facts)
        if options.simulate_int8:
            stack.enter_context(quantized_rows(learner.model.encoder, learner.base.manifest))
        callbacks: list[TrainerCallback] = []
        if options.progress and is_first_process():
            callbacks.append(stack.enter_context(Progress(options.task, learner.metric)))
        if options.early_stopping is not None:
            callbacks.append(EarlyStoppingCallback(options.early_stopping))
        if options.tensorboard is not None and is_first_process():
            callbacks.append(_tensorboard(options.tensorboard))
        trainer = _Trainer(
            model=learner.model,
            args=_arguments(learner, folder),
            train_dataset=train_items,
            eval_dataset=eval_items,
            data_collator=learner.batches.collate,
            compute_metrics=lambda p: learner.kind.metrics(
                eval_examples, learner.decode(eval_examples, eval_items, p.predictions)
            ),
            callbacks=callbacks,
        )
        trainer.remove_callback(PrinterCallback)
        ended = best_of_ended(resume, options.early_stopping) if resume else None
        if ended is not None:
            learner.model.load_state_dict(load_file(ended / "model.safetensors"), strict=False)
        else:
            trainer.train(resume_from_checkpoint=str(resume) if resume else None)
        trainer.accelerator.unwrap_model(learner.model, keep_fp32_wrapper=False)  # what is measured is float32
    learner.finish()


class _Trainer(Trainer):  # type: ignore[misc]
    """Batches examples of similar length, and keeps in a checkpoint only what learns."""

    def _get_train_sampler(self, train_dataset: Any = None) -> ByLength:
        items = self.train_dataset if train_dataset is None else train_dataset
        return ByLength(lengths(items), self.args.train_batch_size, self.args.seed)

    def _save(self, output_dir: str | None = None, state_dict: dict[str, torch.Tensor] | None = None) -> None:
        learns = {name for name, parameter in self.model.named_parameters() if parameter.requires_grad}
        state = self.model.state_dict() if state_dict is None else state_dict
        super()._save(output_dir, {name: value for name, value in state.items() if name in learns})

    def evaluate(self, *arguments: Any, **options: Any) -> dict[str, float]:
        """Evaluate without a draw from the generator that dropout uses, so that to watch a run does not change it."""
        with torch.random.fork_rng(devices=[]):
            metrics: dict[str, float] = super().evaluate(*arguments, **options)
        return metrics

    def _issue_warnings_after_load(self, load_result: Any) -> None:
        """Say nothing: what a checkpoint lacks is frozen."""


def lengths(items: Sequence[dict[str, Any]]) -> list[int]:
    """Return the number of tokens of each item's longest text."""
    return [max(map(len, item["texts"])) for item in items]


def _tensorboard(folder: Path) -> TrainerCallback:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise MissingExtraError(f"curves need tensorboard ({error}): pip install 'bitfit-edge[tensorboard]'") from None
    from transformers.integrations import TensorBoardCallback

    return TensorBoardCallback(SummaryWriter(str(folder)))


def _arguments(learner: Learner, folder: Path) -> TrainingArguments:
    options = learner.options
    stops, watched = options.early_stopping is not None, options.progress or options.tensorboard is not None
    arguments = TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=options.epochs,
        max_steps=options.steps or -1,
        learning_rate=options.learning_rate,
        per_device_train_batch_size=options.batch_size,
        per_device_eval_batch_size=64,
        gradient_accumulation_steps=options.accumulation,
        warmup_steps=WARMUP,
        max_grad_norm=LARGEST_GRADIENT,
        weight_decay=0.0,
        seed=options.seed,
        eval_strategy="epoch" if stops or watched else "no",
        save_strategy="epoch" if stops or options.checkpoints is not None else "no",
        save_total_limit=2,
        restore_callback_states_from_checkpoint=True,
        greater_is_better=True if stops else None,
        load_best_model_at_end=stops,
        metric_for_best_model=learner.metric if stops else None,
        logging_strategy="steps" if watched else "no",
        logging_steps=0.02,
        report_to="none",
        remove_unused_columns=False,
        disable_tqdm=True,
        bf16=options.precision == "bf16",
        fp16=options.precision == "fp16",
        use_cpu=options.device == "cpu" or not torch.cuda.is_available(),
        dataloader_pin_memory=torch.cuda.is_available(),
        ddp_find_unused_parameters=learner.model.output == TOKEN_LOGITS,  # a pooler's bias judges no token
        ddp_timeout=LONGEST_WAIT,
    )
    arguments._n_gpu = min(1, arguments.n_gpu)  # several GPUs are for torchrun: DataParallel would enlarge the batch
    return arguments
