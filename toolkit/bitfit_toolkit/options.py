"""What a user may choose about a training run."""

from dataclasses import dataclass
from pathlib import Path

from bitfit_runtime.contract import CLASSIFICATION

AUTO = "auto"


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """Choices of a training run.

    `terms` is `all`, `none` (the head alone) or names of bias terms such as `q,m2`. `steps`, where given, stands in for
    `epochs`. `early_stopping` is the number of
    epochs without a better metric after which training stops. `checkpoints` keeps a checkpoint an epoch there, from
    which `resume` goes on. `encoding` is one of the pack's or `auto`: the smallest whose metric in the engine is at
    most `tolerance` below that of float32. `precision` is `fp32` or `bf16`; `device` is `auto`, `cpu` or `cuda`.
    `simulate_int8` rounds activations in training as the int8 graph does.
    """

    task: str = "task"
    task_type: str = CLASSIFICATION
    terms: str = "all"
    epochs: float = 10
    steps: int | None = None
    learning_rate: float = 3e-3
    batch_size: int = 16
    max_length: int = 128
    seed: int = 0
    early_stopping: int | None = None
    checkpoints: Path | None = None
    resume: bool = False
    precision: str = "fp32"
    device: str = "auto"
    encoding: str = "auto"
    tolerance: float = 0.002
    simulate_int8: bool = False
    progress: bool = False
