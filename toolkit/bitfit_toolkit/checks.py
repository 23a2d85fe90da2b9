"""Refuses training options that cannot be carried out."""

import math
import os
from pathlib import Path

import torch

from bitfit_runtime.contract import LIMITS, TASK_TYPES
from bitfit_runtime.encoding import ENCODINGS
from bitfit_toolkit.errors import TrainingError
from bitfit_toolkit.kinds import KINDS
from bitfit_toolkit.options import AUTO, CLASS_WEIGHTS, DEVICES, PRECISIONS, TrainOptions


def check_options(options: TrainOptions) -> None:
    """Raise TrainingError on a choice that cannot be carried out."""
    for name, allowed in (
        ("task_type", tuple(TASK_TYPES)),
        ("class_weights", CLASS_WEIGHTS),
        ("precision", PRECISIONS),
        ("device", DEVICES),
        ("encoding", (*ENCODINGS, AUTO)),
    ):
        if getattr(options, name) not in allowed:
            wanted = f"{name.replace('_', ' ')} should be one of {', '.join(allowed)}"
            raise TrainingError(f"{wanted}, found {getattr(options, name)!r}; change the option and try again")
    most = LIMITS.task_name_characters
    kind, gpu = KINDS[options.task_type], torch.cuda.is_available() and options.device != "cpu"
    problems = {
        f"epochs should be above 0, found {options.epochs}": not 0 < options.epochs < math.inf,
        f"steps should be at least 1, found {options.steps}": options.steps is not None and options.steps < 1,
        f"early stopping should be at least 1, found {options.early_stopping}": options.early_stopping is not None
        and options.early_stopping < 1,
        f"learning rate should be above 0, found {options.learning_rate}": not 0 < options.learning_rate < math.inf,
        f"seed should be from 0 to 2**32 - 1, found {options.seed}": not 0 <= options.seed < 1 << 32,
        f"a task name should have 1 to {most} characters, found {len(options.task)}": not 1
        <= len(options.task)
        <= most,
        f"{options.task_type} has no head, so terms none leave nothing to train": options.terms == "none"
        and not TASK_TYPES[options.task_type].has_head,
        f"batch size should be at least 1, found {options.batch_size}": options.batch_size < 1,
        f"accumulation should be at least 1, found {options.accumulation}": options.accumulation < 1,
        f"max length should be at least 8, found {options.max_length}": options.max_length < 8,
        f"tolerance should be at least 0, found {options.tolerance}": not options.tolerance >= 0,
        f"a {options.task_type} task is judged by {', '.join(kind.figures)}, not by {options.metric!r}": options.metric
        not in (None, *kind.figures),
        f"a {options.task_type} task has no classes to weigh": options.class_weights != "none" and not kind.weighs,
        "device cuda was asked for, but torch finds no GPU": options.device == "cuda" and not gpu,
        "precision fp16 needs a GPU; on a CPU use fp32 or bf16": options.precision == "fp16" and not gpu,
        "--resume needs --checkpoints": options.resume and options.checkpoints is None,
    }
    for problem, present in problems.items():
        if present:
            raise TrainingError(f"{problem}; change the option and try again")


def check_output(path: Path) -> None:
    """Raise TrainingError where no pack can be written, before a run is spent on it."""
    folder = next(parent for parent in path.absolute().parents if parent.exists())
    if path.is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK):
        raise TrainingError(f"a pack cannot be written to {path}; name a file in a folder that can be written")
