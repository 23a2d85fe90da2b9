"""Vectors of texts by the `encode` of sentence-transformers and MTEB."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from bitfit_runtime import Engine
from bitfit_runtime.arguments import instance, whole_number
from bitfit_runtime.errors import InputError

Float32 = npt.NDArray[np.float32]
# What sentence-transformers takes and MTEB gives beside the parameters, and what changes no vector here.
OF_MTEB: Final = ("task_metadata", "task_name", "hf_split", "hf_subset", "prompt_type")
IGNORED: Final = (*OF_MTEB, "device", "pool", "chunk_size")
# What would change vectors: the value that does not, and what to do in place of another.
FIXED: Final[Mapping[str, tuple[str | None, str]]] = {
    "output_value": ("sentence_embedding", "tokens' states are Engine.hidden_states"),
    "precision": ("float32", "round the vectors yourself"),
    "truncate_dim": (None, "cut the vectors yourself"),
    "prompt_name": (None, "give the prompt's text as `prompt`"),
}


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
        **others: Any,
    ) -> Any:
        """Return `[texts, hidden]` in the order of the texts, or `[hidden]` of one text.

        MTEB gives batches, each a mapping with `text`; what it says of its task is ignored, as is `batch_size`: the
        engine makes its own. `prompt` is put before each text. Without `convert_to_numpy` a list of vectors comes
        back, with `convert_to_tensor` a tensor of torch. Raises InputError, also on `others` that would change vectors.
        """
        del show_progress_bar  # there is none
        whole_number(batch_size, "batch_size", 1)
        _check(others)
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
    for item in [sentences] if isinstance(sentences, dict) else sentences:
        given = item["text"] if isinstance(item, dict) and "text" in item else [item]
        found += given if isinstance(given, (list, tuple)) else [given]
    odd = next((text for text in found if not isinstance(text, str)), None)
    if odd is not None:
        raise InputError(f"expected texts, found {type(odd).__name__}; give a list of strings")
    return list(map(str, found))


def _check(others: Mapping[str, object]) -> None:
    """Raise InputError on arguments that would change the vectors, and on names that no one gives."""
    for name, value in others.items():
        if name not in (*FIXED, *IGNORED):
            raise InputError(f"encode has no argument `{name}`; check its spelling, or leave it out")
        fixed, remedy = FIXED.get(name, (value, ""))
        if value != fixed:
            raise InputError(f"`{name}` should be {fixed}, found {value!r}; {remedy}")
