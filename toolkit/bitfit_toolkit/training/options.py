"""Options of a training run."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Final

from bitfit_runtime.formats import ENCODINGS, LIMITS, Windows
from bitfit_runtime.tasks import TASK_TYPES
from bitfit_runtime.tasks.base import MAXIMUM, MEAN, NOISY_OR, OFFSETS
from bitfit_runtime.tasks.classification import CLASSIFICATION
from bitfit_runtime.transitions import LEARNED, LEGAL
from bitfit_toolkit.errors import TrainingError
from bitfit_toolkit.tasks import TRAINABLE_TASKS
from bitfit_toolkit.tasks.base import is_unicode
from bitfit_toolkit.training.option_spec import Sharing, option, problems

AUTO: Final = "auto"
BALANCED: Final = "balanced"
AT_ONCE: Final = 8  # runs that share each pass on a GPU
EACH, COMMON = Sharing.EACH, Sharing.COMMON


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """What a user may choose about a training run. Each field's text is also its help on the command line.

    Names follow transformers' TrainingArguments where the meaning is the same. A step learns from
    `per_device_train_batch_size` × `gradient_accumulation_steps` examples, on several GPUs from as many on each.
    """

    task: str = option("task", "Name of the task.", key="name", sharing=EACH, resumable=True, compared=True)
    task_type: str = option(
        CLASSIFICATION.name,
        f"{', '.join(TASK_TYPES)}.",
        flag="--type",
        recorded="task_type",
        choices=tuple(TASK_TYPES),
        sharing=EACH,
        compared=True,
    )
    terms: str = option("all", "all, none (the head alone), or bias terms of the paper such as q,m2.", sharing=EACH)
    from_layer: int | str = option(
        0,
        "First layer whose biases learn, counted from 0 (their number: the head, pooler and final norm), or auto.",
        at_least=0,
        words=(AUTO,),
        sharing=EACH,
    )
    start_from: str | Path | None = option(
        None,
        "Pack to begin with: its biases, and its head where labels agree.",
        sharing=EACH,
        resumable=True,
    )
    class_weights: str = option(
        "none",
        "none, or balanced: rare classes count as much as frequent ones.",
        choices=("none", BALANCED),
        sharing=EACH,
    )
    num_train_epochs: float | str = option(
        AUTO,
        "Passes over the training data, or auto: steps by the number of rows and the task type.",
        flag="--epochs",
        above=0,
        below=math.inf,
        words=(AUTO,),
        sharing=EACH,
        compared=True,
    )
    max_steps: int | None = option(None, "Steps in place of epochs.", flag="--steps", at_least=1, sharing=EACH)
    early_stopping_patience: int | None = option(
        None,
        "Stop after N epochs without a better metric, and keep the best epoch.",
        flag="--early-stopping",
        at_least=1,
    )
    metric_for_best_model: str | None = option(
        None,
        "What decides: accuracy, f1_macro, matthews …; default: the first of the task type.",
        flag="--metric",
        sharing=EACH,
    )
    seed: int = option(
        0, "Seed of the head, the order and dropout.", at_least=0, at_most=(1 << 32) - 1, sharing=EACH, listed=True
    )
    learning_rate: float | str = option(
        AUTO,
        "Largest learning rate, the same for all that learns, or auto: one for each bias, by what it moves.",
        above=0,
        below=math.inf,
        words=(AUTO,),
        sharing=EACH,
        listed=True,
    )
    per_device_train_batch_size: int = option(
        16,
        "Examples of a pass; on several GPUs: on each.",
        flag="--batch-size",
        at_least=1,
        sharing=EACH,
        compared=True,
    )
    gradient_accumulation_steps: int = option(1, "Passes of a step.", flag="--accumulation", at_least=1)
    max_length: int = option(128, "Longest input in tokens.", at_least=8, sharing=EACH, compared=True)
    windows: str = option(
        "none",
        "Rule that joins overlapping windows of longer texts: none (cut them), auto, mean, maximum, noisy-or, offsets.",
        choices=("none", AUTO, MEAN, MAXIMUM, NOISY_OR, OFFSETS),
        sharing=EACH,
        compared=True,
    )
    window_overlap: int | None = option(
        None,
        "Tokens that neighbouring windows share; default: a quarter of the longest input.",
        at_least=0,
        sharing=EACH,
        compared=True,
    )
    max_windows: int = option(
        32, "Windows of a text; the rest is cut.", at_least=1, at_most=LIMITS.windows, sharing=EACH, compared=True
    )
    transitions: str = option(
        AUTO,
        "How tags follow each other in entities: none (words decide alone), legal, learned; auto is learned.",
        choices=(AUTO, "none", LEGAL, LEARNED),
        sharing=EACH,
        resumable=True,
        compared=True,
    )
    words: str = option(
        AUTO,
        "Which tokens of a word speak for it in entities: first, or the mean of all; auto is mean.",
        choices=(AUTO, "first", MEAN),
        sharing=EACH,
        resumable=True,
        compared=True,
    )
    dropout: bool = option(False, "Drop units in training, as the checkpoint says.")
    simulate_int8: bool = option(False, "Round activations in training as the int8 graph does.")
    precision: str = option(
        "fp32",
        "fp32, bf16 or, on a GPU, fp16.",
        choices=("fp32", "bf16", "fp16"),
        sharing=COMMON,
        compared=True,
    )
    device: str = option(
        "auto",
        "auto, cpu or cuda.",
        choices=("auto", "cpu", "cuda"),
        sharing=COMMON,
        resumable=True,
        compared=True,
    )
    checkpoints: str | Path | None = option(None, "Keep a checkpoint an epoch in this folder.", resumable=True)
    resume_from_checkpoint: bool = option(False, "Go on from the last checkpoint.", flag="--resume", resumable=True)
    tensorboard: str | Path | None = option(None, "Write curves for TensorBoard into this folder.", resumable=True)
    report: str | Path | None = option(
        None, "Write a page with plots and the worst answers into this folder.", resumable=True
    )
    card: bool = option(
        False,
        "Keep beside the pack, as NAME.card.json, what its card on the hub will say of the training.",
        sharing=COMMON,
        resumable=True,
    )
    encoding: str = option(
        AUTO,
        f"auto (the smallest from int3 on that is as good as float32, by what rows can tell), {', '.join(ENCODINGS)}.",
        choices=(*ENCODINGS, AUTO),
        sharing=EACH,
        resumable=True,
    )
    tolerance: float = option(
        0.002,
        "What encoding auto may give up of the metric against float32, where the rows can tell more.",
        at_least=0,
        sharing=EACH,
        resumable=True,
    )
    decisions: str = option(
        AUTO,
        "auto (fit on the evaluation rows what answers to accept, where there are enough), or none.",
        choices=(AUTO, "none"),
        sharing=EACH,
        resumable=True,
    )
    max_error: float = option(
        0.05,
        "Share of accepted answers that may be wrong.",
        above=0,
        below=1,
        sharing=EACH,
        resumable=True,
    )
    progress: bool = option(False, "Show a progress bar.", hidden=True, sharing=EACH, resumable=True)

    def check(self) -> None:
        """Raise TrainingError, naming the parameter, on a choice that cannot be carried out."""
        for problem in chain(problems(self), _conflicts(self)):
            raise TrainingError(f"{problem}; change the option and try again")


DEFAULTS: Final = TrainOptions()


def trial_options(options: TrainOptions, steps: int) -> TrainOptions:
    """Return options for a run that is only tried, on rows held out: its last model, and no files of its own."""
    return replace(
        options,
        max_steps=steps,
        early_stopping_patience=None,
        checkpoints=None,
        resume_from_checkpoint=False,
        tensorboard=None,
        report=None,
        progress=False,
    )


def windows_of(options: TrainOptions, longest: int) -> Windows | None:
    """Return the windows of the pack on a base that takes `longest` tokens, None where texts are cut.

    Auto is the first that fits the type: offsets for tokens, maximum for labels, of which a part of a text may decide,
    else the mean.
    """
    if options.windows == "none":
        return None
    joins, length = TASK_TYPES[options.task_type].joins, min(options.max_length, longest)
    auto = MAXIMUM if NOISY_OR in joins else joins[0]
    overlap = length // 4 if options.window_overlap is None else options.window_overlap
    if overlap > length // 2:
        raise TrainingError(
            f"`window_overlap` should be at most half of the {length} tokens of a window, found {overlap}"
        )
    return Windows(auto if options.windows == AUTO else options.windows, overlap, options.max_windows)


def transitions_of(options: TrainOptions, labels: int) -> str | None:
    """Return how the pack's tags are decided together, None where words are decided alone or there are no tags.

    Raises TrainingError where there are more labels than transitions take.
    """
    fits = labels <= LIMITS.tags
    if options.transitions == AUTO:
        return LEARNED if TASK_TYPES[options.task_type].has_tags and fits else None
    if options.transitions != "none" and not fits:
        raise TrainingError(f"`transitions` take at most {LIMITS.tags} labels, found {labels}; use none")
    return None if options.transitions == "none" else options.transitions


def words_of(options: TrainOptions) -> str | None:
    """Return MEAN where all tokens of a word speak for it, None where its first one does or there are no words."""
    return MEAN if options.words in (AUTO, MEAN) and TASK_TYPES[options.task_type].has_tags else None


def _conflicts(of: TrainOptions) -> Iterator[str]:
    """Yield what is wrong with values that are right by themselves."""
    task, longest = TRAINABLE_TASKS[of.task_type], LIMITS.task_name_characters
    if not 1 <= len(of.task) <= longest:
        yield f"`task` should have 1 to {longest} characters, found {len(of.task)}"
    if not is_unicode(of.task):
        yield f"`task` should be Unicode text, found {of.task!r} (it holds half a surrogate pair)"
    if of.metric_for_best_model not in (None, *task.metric_names):
        expected, found = ", ".join(task.metric_names), of.metric_for_best_model
        yield f"`metric_for_best_model` of a {of.task_type} task should be one of {expected}, found {found!r}"
    if of.class_weights == BALANCED and not task.has_classes():
        yield f"`class_weights` should be none: a {of.task_type} task has no classes"
    joins = ("none", AUTO, *TASK_TYPES[of.task_type].joins)
    if of.windows not in joins:
        yield f"`windows` of a {of.task_type} task should be one of {', '.join(joins)}, found {of.windows!r}"
    if of.windows == "none" and of.window_overlap is not None:
        yield "`window_overlap` needs `windows`, the rule that joins them; auto is one"
    if of.windows == "none" and of.max_windows != DEFAULTS.max_windows:
        yield "`max_windows` needs `windows`, the rule that joins them; auto is one"
    if of.windows != "none" and of.window_overlap is not None and of.window_overlap > of.max_length // 2:
        yield f"`window_overlap` should be at most half of `max_length` {of.max_length}, found {of.window_overlap}"
    if of.transitions in (LEGAL, LEARNED) and not TASK_TYPES[of.task_type].has_tags:
        yield f"`transitions` should be none: a {of.task_type} task has no tags that follow each other"
    if of.words == MEAN and not TASK_TYPES[of.task_type].has_tags:
        yield f"`words` should be first: a {of.task_type} task has no words to decide"
    if of.start_from is not None and of.from_layer == AUTO:
        yield "`from_layer` auto cannot begin with `start_from`, whose pack has a first layer; name a layer"
    if of.terms == "none" and not TASK_TYPES[of.task_type].has_head:
        yield f"`terms` none leaves nothing to train: a {of.task_type} task has no head"
    if of.resume_from_checkpoint and of.checkpoints is None:
        yield "`resume_from_checkpoint` needs `checkpoints`, the folder that holds them"
    if of.device == "cuda" and not _finds_gpu():
        yield "`device` is cuda, but torch finds no GPU"
    if of.precision == "fp16" and (of.device == "cpu" or not _finds_gpu()):
        yield "`precision` fp16 needs a GPU; on a CPU use fp32 or bf16"


def _finds_gpu() -> bool:
    import torch  # which only training needs

    return torch.cuda.is_available()
