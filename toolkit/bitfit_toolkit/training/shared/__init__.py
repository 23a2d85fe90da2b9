"""Shared training: several tasks, seeds or learning rates in every pass over one frozen base."""

from bitfit_toolkit.training.shared.config import RunConfig, read_run_configs
from bitfit_toolkit.training.shared.train import train_shared

__all__ = ["RunConfig", "read_run_configs", "train_shared"]
