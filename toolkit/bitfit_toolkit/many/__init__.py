"""Several tasks, seeds or learning rates in one pass: the base is frozen, so each row can learn for another task."""

from bitfit_toolkit.many.plan import Assignment, read_assignments
from bitfit_toolkit.many.train import train_many

__all__ = ["Assignment", "read_assignments", "train_many"]
