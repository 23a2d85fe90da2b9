"""Refuses training options that cannot be carried out."""

import math
import os
from collections.abc import Iterator
from pathlib import Path

import torch

from bitfit_runtime.formats.pack_encoding import ENCODINGS
from bitfit_runtime.formats.schema import LIMITS
from bitfit_runtime.tasks import TASK_TYPES
from bitfit_toolkit.errors import TrainingError
from bitfit_toolkit.tasks import TRAINABLE_TASKS
from bitfit_toolkit.training.options import AUTO, CLASS_WEIGHTS, DEVICES, PRECISIONS, TrainOptions


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
    for problem in _problems(options):
        raise TrainingError(f"{problem}; change the option and try again")


def _problems(of: TrainOptions) -> Iterator[str]:
    kind, most = TRAINABLE_TASKS[of.task_type], LIMITS.task_name_characters
    gpu = torch.cuda.is_available() and of.device != "cpu"
    for name, found in (
        ("steps", of.steps),
        ("early stopping", of.early_stopping),
        ("batch size", of.batch_size),
        ("accumulation", of.accumulation),
    ):
        if found is not None and found < 1:
            yield f"{name} should be at least 1, found {found}"
    for name, number in (("epochs", of.epochs), ("learning rate", of.learning_rate)):
        if not 0 < number < math.inf:
            yield f"{name} should be above 0, found {number}"
    if of.max_length < 8:
        yield f"max length should be at least 8, found {of.max_length}"
    if not of.tolerance >= 0:
        yield f"tolerance should be at least 0, found {of.tolerance}"
    if not 0 <= of.seed < 1 << 32:
        yield f"seed should be from 0 to 2**32 - 1, found {of.seed}"
    if not 1 <= len(of.task) <= most:
        yield f"a task name should have 1 to {most} characters, found {len(of.task)}"
    if of.metric not in (None, *kind.metric_names):
        yield f"a {of.task_type} task is judged by {', '.join(kind.metric_names)}, not by {of.metric!r}"
    if of.class_weights != "none" and not kind.has_classes():
        yield f"a {of.task_type} task has no classes to weigh"
    if of.terms == "none" and not TASK_TYPES[of.task_type].has_head:
        yield f"a {of.task_type} task has no head, so that terms none leave nothing to train"
    if of.device == "cuda" and not gpu:
        yield "device cuda was asked for, but torch finds no GPU"
    if of.precision == "fp16" and not gpu:
        yield "precision fp16 needs a GPU; on a CPU use fp32 or bf16"
    if of.resume and of.checkpoints is None:
        yield "--resume needs --checkpoints"


def check_output(path: Path) -> None:
    """Raise TrainingError where no pack can be written, before a run is spent on it."""
    folder = next(parent for parent in path.absolute().parents if parent.exists())
    if path.is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK):
        raise TrainingError(f"a pack cannot be written to {path}; name a file in a folder that can be written")
