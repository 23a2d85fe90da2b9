"""Registry of the task types that can be trained."""

from collections.abc import Mapping
from typing import Any, Final

from bitfit_toolkit.tasks.base import Cells, Example, Mark, TrainableTask
from bitfit_toolkit.tasks.classification import Classification
from bitfit_toolkit.tasks.embedding import Similarity
from bitfit_toolkit.tasks.multi_label import MultiLabel
from bitfit_toolkit.tasks.regression import Regression
from bitfit_toolkit.tasks.span import SpanExtraction
from bitfit_toolkit.tasks.token_classification import TokenClassification

TRAINABLE_TASKS: Final[Mapping[str, type[TrainableTask[Any, Any]]]] = {
    task.task_type.name: task
    for task in (Classification, MultiLabel, Regression, TokenClassification, SpanExtraction, Similarity)
}

__all__ = ["TRAINABLE_TASKS", "Cells", "Example", "Mark", "TrainableTask"]
