"""Several tasks, seeds or learning rates in one pass: the base is frozen, so each row can learn for another task."""

from bitfit_toolkit.training.shared.config import RunConfig, read_run_configs
from bitfit_toolkit.training.shared.train import train_shared

__all__ = ["RunConfig", "read_run_configs", "train_shared"]
