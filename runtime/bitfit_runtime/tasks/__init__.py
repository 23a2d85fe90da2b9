"""The registry of task types, and the classes of their answers. `docs/architecture.md` says how to add one."""

from collections.abc import Mapping
from typing import Final, TypeAlias

from bitfit_runtime.tasks.base import HeadOutput, TaskType
from bitfit_runtime.tasks.classification import CLASSIFICATION, Prediction
from bitfit_runtime.tasks.embedding import EMBEDDING, Embedding
from bitfit_runtime.tasks.multi_label import MULTI_LABEL, LabelSet
from bitfit_runtime.tasks.regression import REGRESSION, Score
from bitfit_runtime.tasks.span import SPAN, Span
from bitfit_runtime.tasks.token_classification import TOKEN_CLASSIFICATION, Entities, Entity

Answer: TypeAlias = Prediction | LabelSet | Score | Entities | Span | Embedding
TASK_TYPES: Final[Mapping[str, TaskType]] = {
    task_type.name: task_type
    for task_type in (CLASSIFICATION, MULTI_LABEL, REGRESSION, TOKEN_CLASSIFICATION, SPAN, EMBEDDING)
}

__all__ = [
    "TASK_TYPES",
    "Answer",
    "Embedding",
    "Entities",
    "Entity",
    "HeadOutput",
    "LabelSet",
    "Prediction",
    "Score",
    "Span",
    "TaskType",
]
