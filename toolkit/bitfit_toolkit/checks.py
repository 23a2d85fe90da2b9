"""Refuses training options that cannot be carried out."""

import torch

from bitfit_runtime.contract import TASK_TYPES
from bitfit_runtime.encoding import ENCODINGS
from bitfit_toolkit.errors import TrainingError
from bitfit_toolkit.options import AUTO, TrainOptions


def check_options(options: TrainOptions) -> None:
    """Raise TrainingError on a choice that cannot be carried out."""
    problems = {
        f"epochs should be above 0, found {options.epochs}": options.epochs <= 0,
        f"steps should be at least 1, found {options.steps}": options.steps is not None and options.steps < 1,
        f"learning rate should be above 0, found {options.learning_rate}": not options.learning_rate > 0,
        f"batch size should be at least 1, found {options.batch_size}": options.batch_size < 1,
        f"max length should be at least 8, found {options.max_length}": options.max_length < 8,
        f"task type should be one of {', '.join(TASK_TYPES)}": options.task_type not in TASK_TYPES,
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
