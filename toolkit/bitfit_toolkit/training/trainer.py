"""transformers' Trainer, set up for a model of which little learns."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import Trainer, TrainingArguments

from bitfit_runtime.graph import TOKEN_LOGITS
from bitfit_toolkit.training.learner import Learner
from bitfit_toolkit.training.order import ByLength

WARMUP = 0.1  # of the steps
LARGEST_GRADIENT = 1.0  # norm over a task's parameters
LONGEST_WAIT = 24 * 60 * 60  # seconds that other processes wait while the first one measures the pack


class BiasTrainer(Trainer):  # type: ignore[misc]
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


def training_arguments(learner: Learner, folder: Path) -> TrainingArguments:
    """Return the Trainer's arguments for the options of a learner; checkpoints go to `folder`."""
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
