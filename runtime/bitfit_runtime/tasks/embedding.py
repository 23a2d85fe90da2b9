"""A vector for each text, whose cosine to another says how similar they are."""

from dataclasses import dataclass
from typing import Any, Final

from bitfit_runtime.graph import POOLED
from bitfit_runtime.tasks.base import MEAN, Float32, HeadOutput, TaskType

SHOWN: Final = 4  # numbers of a vector in its summary


@dataclass(frozen=True, slots=True, eq=False)
class Embedding:
    """The answer to one row of an embedding task: the pooled vector, float32 `[hidden]`."""

    task: str
    vector: Float32
    truncated: bool = False

    def as_dict(self, top: int = 1) -> dict[str, Any]:
        """Return the answer as JSON has it."""
        del top
        return {"vector": self.vector.tolist()}

    def summary(self, top: int = 1) -> str:
        """Return the first numbers of the vector."""
        del top
        return "[" + ", ".join(f"{value:.3f}" for value in self.vector[:SHOWN]) + ", …]"


def postprocess(output: HeadOutput) -> Embedding:
    """Take `pooled [hidden]` as it is."""
    return Embedding(output.task, output.values, output.tokens.truncated)


EMBEDDING: Final = TaskType("embedding", POOLED, 0, 0, Embedding, postprocess, (MEAN,))
