"""What a user may choose about a training run."""

from dataclasses import dataclass
from pathlib import Path

from bitfit_runtime.tasks.classification import CLASSIFICATION

AUTO = "auto"
PRECISIONS = ("fp32", "bf16", "fp16")
DEVICES = ("auto", "cpu", "cuda")
CLASS_WEIGHTS = ("none", "balanced")


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """Choices of a training run.

    What is learnt: `terms` is `all`, `none` (the head alone) or names of bias terms such as `q,m2`. `class_weights` is
    `none` or `balanced`: rare classes then count as much as frequent ones.

    How long: `epochs`, or `steps` in their stead; `early_stopping` ends a run after so many epochs without a better
    `metric`, one of the task type's (None: its first), and keeps the best epoch.

    How: a step learns from `batch_size` × `accumulation` examples (on several GPUs: on each). `dropout` drops units of
    the encoder as its checkpoint configures it. `simulate_int8` rounds activations as the int8 graph does. `precision`
    is `fp32`, `bf16` or `fp16`; `device` is `auto`, `cpu` or `cuda`.

    What is kept: `checkpoints` gets a checkpoint an epoch, from which `resume` goes on; `tensorboard` gets the run's
    curves. `encoding` is one of the pack's or `auto`: the smallest whose metric in the engine is at most `tolerance`
    below that of float32.
    """

    task: str = "task"
    task_type: str = CLASSIFICATION.name
    terms: str = "all"
    class_weights: str = "none"
    epochs: float = 10
    steps: int | None = None
    early_stopping: int | None = None
    metric: str | None = None
    learning_rate: float = 3e-3
    batch_size: int = 16
    accumulation: int = 1
    max_length: int = 128
    seed: int = 0
    dropout: bool = False
    simulate_int8: bool = False
    precision: str = "fp32"
    device: str = "auto"
    checkpoints: Path | None = None
    resume: bool = False
    tensorboard: Path | None = None
    encoding: str = AUTO
    tolerance: float = 0.002
    progress: bool = False
