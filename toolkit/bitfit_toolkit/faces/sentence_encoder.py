"""Vectors of texts by the `encode` of sentence-transformers and MTEB."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from bitfit_runtime import Engine
from bitfit_runtime.arguments import instance, whole_number
from bitfit_runtime.errors import InputError

Float32 = npt.NDArray[np.float32]


class SentenceEncoder:
    """Vectors by an embedding task of an engine, or by the bare base.

    SentenceEncoder(engine, "similar").encode(["a text", "another"])  # float32 [2, hidden]
    """

    def __init__(self, engine: Engine, task: str | None = None) -> None:
        instance(engine, "engine", Engine, "an Engine")
        if task is not None and task in engine.tasks and engine.tasks[task].task_type != "embedding":
            raise InputError(f"task {task!r} is of type {engine.tasks[task].task_type}; give one of type embedding")
        self.engine, self.task = engine, task

    def get_sentence_embedding_dimension(self) -> int:
        """Return how many numbers a vector has."""
        return self.engine.base.manifest.hidden_size

    def encode(
        self,
        sentences: str | Sequence[str] | Iterable[Any],
        batch_size: int = 32,
        show_progress_bar: bool | None = None,
        convert_to_numpy: bool = True,
        convert_to_tensor: bool = False,
        normalize_embeddings: bool = False,
        prompt: str | None = None,
        **ignored: Any,
    ) -> Any:
        """Return `[texts, hidden]` in the order of the texts, or `[hidden]` of one text.

        MTEB gives batches, each a mapping with `text`; what it says of its task is ignored, as is `batch_size`: the
        engine makes its own. `prompt` is put before each text. Without `convert_to_numpy` a list of vectors comes
        back, with `convert_to_tensor` a tensor of torch. Raises InputError.
        """
        del show_progress_bar  # there is none
        whole_number(batch_size, "batch_size", 1)
        if ignored.get("output_value", "sentence_embedding") != "sentence_embedding":
            raise InputError("`output_value` should be sentence_embedding; tokens' states are Engine.hidden_states")
        if ignored.get("precision", "float32") != "float32":
            raise InputError(
                f"`precision` should be float32, found {ignored['precision']!r}; round the vectors yourself"
            )
        single = isinstance(sentences, str)
        texts = [str(sentences)] if single else _texts(sentences)
        vectors = self.engine.embed([(prompt or "") + text for text in texts], self.task)
        if normalize_embeddings:
            vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        found = vectors[0] if single else vectors
        if convert_to_tensor:
            import torch

            return torch.from_numpy(found)
        return found if convert_to_numpy or single else list(found)


def _texts(sentences: Any) -> list[str]:
    """Return the texts of a list, an array, a series, or MTEB's batches."""
    found: list[str] = []
    for item in sentences:
        found += item["text"] if isinstance(item, dict) and "text" in item else [item]
    odd = next((text for text in found if not isinstance(text, str)), None)
    if odd is not None:
        raise InputError(f"expected texts, found {type(odd).__name__}; give a list of strings")
    return list(map(str, found))
