"""What the length limit cut off: counted, told from a few percent on, and refused where nothing is left to learn."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bitfit_toolkit.errors import TrainingError
from bitfit_toolkit.tasks import TrainableTask

if TYPE_CHECKING:  # it needs torch
    from bitfit_toolkit.training.task_data import TaskData

TOLD_FROM: Final = 0.03


@dataclass(frozen=True, slots=True)
class Cut:
    """Of `examples`, how many are longer than the limit; of their `parts` (entities or answers), how many are lost.

    Lost are those that the limit cut off, and entities that no word of their own begins.
    """

    examples: int
    cut: int
    parts: int
    lost: int

    @classmethod
    def of(cls, task: TrainableTask[Any, Any], data: "TaskData") -> "Cut":
        """Count what was cut of examples."""
        return cls(
            examples=len(data.examples),
            cut=sum(item.cut for item in data.items),
            parts=sum(map(task.label_size, data.examples)),
            lost=sum(task.lost(example, item.target) for example, item in zip(data.examples, data.items, strict=True)),
        )

    def notes(self, which: str, limit: str) -> Iterator[str]:
        """Yield what a user should know, from a few percent on."""
        many = bool(self.lost) and self.lost >= TOLD_FROM * self.parts
        if self.cut and (many or self.cut >= TOLD_FROM * self.examples):
            yield f"{self.line} of the {which} examples are cut at {limit}; raise it"
        elif many:
            yield f"{self.lost:,} of {self.parts:,} labels of the {which} examples are lost: no word begins there"

    @property
    def line(self) -> str:
        """The counts, for people."""
        lost = f", {self.lost:,} of {self.parts:,} labels lost," if self.lost else ""
        return f"{self.cut:,} of {self.examples:,} ({self.cut / max(1, self.examples):.1%}){lost}"

    def check_left(self, limit: str) -> None:
        """Raise TrainingError where every entity or answer was cut off."""
        if self.parts and self.lost == self.parts:
            raise TrainingError(
                f"every one of {self.parts:,} labels lies beyond {limit}, so nothing can be learned; "
                "raise it, or shorten the texts"
            )
