"""Trainer: transformers' own, set up for a model of which little learns."""

import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from transformers import EarlyStoppingCallback, PrinterCallback, Trainer, TrainerCallback, TrainingArguments
from transformers.utils import logging as transformers_logging

from bitfit_runtime.errors import MissingExtraError
from bitfit_runtime.graph import TOKEN_LOGITS
from bitfit_toolkit.training.checkpoints import WEIGHTS, begin_or_resume, best_of_ended, step_of
from bitfit_toolkit.training.curve import Curve, CurvePoint
from bitfit_toolkit.training.distributed import is_first_process
from bitfit_toolkit.training.halfway import HalfWay, metric_halfway
from bitfit_toolkit.training.options import AUTO
from bitfit_toolkit.training.progress import Progress
from bitfit_toolkit.training.rates import Rates, rates_for
from bitfit_toolkit.training.run import Run
from bitfit_toolkit.training.simulate_int8 import rounded_activations
from bitfit_toolkit.training.task_data import ByLength, TaskData
from bitfit_toolkit.training.window_drawing import WindowDrawing

WARMUP = 0.1  # of the steps
WATCHED = 0.1  # of the steps, after which a run that is watched is evaluated
LARGEST_GRADIENT = 1.0  # norm over a task's parameters
LONGEST_WAIT = 24 * 60 * 60  # seconds that other processes wait while the first one measures the pack


class BiasTrainer(Trainer):  # type: ignore[misc]
    """Batches examples of similar length, and keeps in a checkpoint only what learns.

    Where texts have windows, `drawing` is the training data, and `measure` gives the metrics. `rates` are those of the
    biases and the head, where they differ.
    """

    drawing: WindowDrawing | None = None
    measure: Callable[[], dict[str, float]] | None = None
    rates: Rates | None = None

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        """Give each bias its own rate, where there are such."""
        optimizer: torch.optim.Optimizer
        if self.rates is None:
            optimizer = super().create_optimizer(model)
            return optimizer
        biases = dict(self.model.encoder.named_parameters())
        head = [] if self.model.head is None else list(self.model.head.parameters())
        self.optimizer = optimizer = torch.optim.AdamW(self.rates.groups(biases, head), weight_decay=0.0, fused=True)
        return optimizer

    def _get_train_sampler(self, train_dataset: Any = None) -> ByLength:
        items = self.train_dataset if train_dataset is None else train_dataset
        size, seed, drawing = self.args.train_batch_size, self.args.seed, self.drawing
        if drawing is not None:
            return ByLength(drawing.lengths, size, seed, drawing.begin)
        return ByLength([item.length for item in items], size, seed)

    def _save(self, output_dir: str | None = None, state_dict: dict[str, torch.Tensor] | None = None) -> None:
        learns = {name for name, parameter in self.model.named_parameters() if parameter.requires_grad}
        state = self.model.state_dict() if state_dict is None else state_dict
        super()._save(output_dir, {name: value for name, value in state.items() if name in learns})

    def evaluate(self, *arguments: Any, **options: Any) -> dict[str, float]:
        """Evaluate without a draw from the generator that dropout uses, so that to watch a run does not change it."""
        with torch.random.fork_rng(devices=[]):
            if self.measure is None:
                metrics: dict[str, float] = super().evaluate(*arguments, **options)
                return metrics
            metrics = {f"eval_{name}": value for name, value in self.measure().items()}
        self.log(metrics)
        self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)  # changes the control itself
        return metrics

    def _issue_warnings_after_load(self, load_result: Any) -> None:
        """Say nothing: what a checkpoint lacks is frozen."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """What a training came to: its steps, after which of them the model is that is kept, and its learning curve.

    `halfway` is the deciding metric on new rows at half of the steps, None where that was not asked for.
    """

    steps: int
    kept: int
    curve: tuple[CurvePoint, ...]
    halfway: float | None = None


def fit(
    run: Run,
    train: TaskData,
    evaluation: TaskData,
    multiple: float = 1.0,
    number: int = 1,
    *,
    collapsed: Sequence[float] = (),
    halfway: bool = False,
) -> Fitted:
    """Train whatever parameters of the run's model require a gradient, as the run's options say.

    There is a learning curve where the options ask for a report. Learning rates auto are taken `multiple` times.
    `number` is that of the round, and `collapsed` are the multiples that were tried before, both for the checkpoints'
    record. `halfway` asks for the metric at half of the steps.

    With early stopping the model of the best epoch is kept, by the deciding metric on `evaluation`. The trained head is
    left in the units of the labels. Raises TrainingError when the folder for checkpoints belongs to another run.
    """
    transformers_logging.set_verbosity_error()
    options, model, curve = run.options, run.model, Curve(run.metric)
    run.count(train)
    with ExitStack() as stack:
        resumed = begin_or_resume(run, train, evaluation, multiple, number, collapsed)
        ended = best_of_ended(resumed, options.early_stopping_patience) if resumed else None
        if options.simulate_int8:
            stack.enter_context(rounded_activations(model.encoder, run.base))
        trainer = _trainer(run, train, evaluation, stack)
        if options.report is not None:
            trainer.add_callback(curve)
        if halfway:
            trainer.add_callback(HalfWay(run, evaluation))
        if options.learning_rate == AUTO:
            trainer.rates = rates_for(run, train.items, multiple)
        if resumed and ended is not None:
            model.load_state_dict(load_file(ended / WEIGHTS), strict=False)
            steps, kept = step_of(resumed), step_of(ended)
        else:
            trainer.train(resume_from_checkpoint=str(resumed) if resumed else None)
            steps = trainer.state.global_step
            kept = (trainer.state.best_global_step or steps) if options.early_stopping_patience is not None else steps
        trainer.accelerator.unwrap_model(model, keep_fp32_wrapper=False)  # what is measured is float32
    run.finish()
    return Fitted(steps, kept, tuple(curve.points), metric_halfway(trainer.state))


def _trainer(run: Run, train: TaskData, evaluation: TaskData, stack: ExitStack) -> BiasTrainer:
    """Return a trainer of the run; what it needs until it is done is left to `stack`."""

    def metrics(predicted: Any) -> dict[str, float]:
        return run.task.metrics(evaluation.examples, run.answers_of(evaluation, predicted.predictions))

    folder = run.options.checkpoints or stack.enter_context(tempfile.TemporaryDirectory(prefix="bitfit-train-"))
    drawing = run.drawing(train)
    trainer = BiasTrainer(
        model=run.model,
        args=training_arguments(run, Path(folder)),
        train_dataset=train.items if drawing is None else drawing,
        eval_dataset=evaluation.items,
        data_collator=run.preprocessor.collate,
        compute_metrics=metrics,
        callbacks=_callbacks(run, stack),
    )
    trainer.remove_callback(PrinterCallback)
    if drawing is not None:
        trainer.drawing, trainer.measure = drawing, lambda: run.metrics(evaluation)
    return trainer


def training_arguments(run: Run, folder: Path) -> TrainingArguments:
    """Return the Trainer's arguments for a run's options; checkpoints go to `folder`."""
    options = run.options
    stops = options.early_stopping_patience is not None
    watched = options.progress or options.tensorboard is not None or options.report is not None
    arguments = TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=1.0 if isinstance(options.num_train_epochs, str) else options.num_train_epochs,
        max_steps=options.max_steps or -1,
        learning_rate=1.0 if isinstance(options.learning_rate, str) else options.learning_rate,
        per_device_train_batch_size=options.per_device_train_batch_size,
        per_device_eval_batch_size=64,
        gradient_accumulation_steps=options.gradient_accumulation_steps,
        warmup_steps=WARMUP,
        max_grad_norm=LARGEST_GRADIENT,
        weight_decay=0.0,
        seed=options.seed,
        eval_strategy="epoch" if stops else "steps" if watched else "no",
        eval_steps=WATCHED if watched and not stops else None,
        save_strategy="epoch" if stops or options.checkpoints is not None else "no",
        save_total_limit=2,
        restore_callback_states_from_checkpoint=True,
        greater_is_better=True if stops else None,
        load_best_model_at_end=stops,
        metric_for_best_model=run.metric if stops else None,
        logging_strategy="steps" if watched else "no",
        logging_steps=0.02,
        report_to="none",
        remove_unused_columns=False,
        disable_tqdm=True,
        bf16=options.precision == "bf16",
        fp16=options.precision == "fp16",
        use_cpu=options.device == "cpu" or not torch.cuda.is_available(),
        dataloader_pin_memory=torch.cuda.is_available(),
        ddp_find_unused_parameters=run.model.output == TOKEN_LOGITS,  # of which a pooler's bias decides nothing
        ddp_timeout=LONGEST_WAIT,
    )
    arguments._n_gpu = min(1, arguments.n_gpu)  # several GPUs are for torchrun: DataParallel would enlarge the batch
    return arguments


def _callbacks(run: Run, stack: ExitStack) -> list[TrainerCallback]:
    options = run.options
    callbacks: list[TrainerCallback] = []
    if options.early_stopping_patience is not None:
        callbacks.append(EarlyStoppingCallback(options.early_stopping_patience))
    if options.progress and is_first_process():
        callbacks.append(stack.enter_context(Progress(options.task, run.metric)))
    if options.tensorboard is not None and is_first_process():
        callbacks.append(_tensorboard(Path(options.tensorboard)))
    return callbacks


def _tensorboard(folder: Path) -> TrainerCallback:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise MissingExtraError.from_import("writing curves", error, "tensorboard") from None
    from transformers.integrations import TensorBoardCallback

    return TensorBoardCallback(SummaryWriter(str(folder)))
