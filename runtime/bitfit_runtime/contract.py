"""Names and limits that the graph, the bundle and the pack agree on.

`docs/formats.md` is the prose twin of this file.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

INPUT_IDS: Final = "input_ids"
ATTENTION_MASK: Final = "attention_mask"
TOKEN_TYPE_IDS: Final = "token_type_ids"

BIASES: Final = "biases"
HEAD_WEIGHT: Final = "head.weight"
HEAD_BIAS: Final = "head.bias"
CANARY: Final = "canary"

LOGITS: Final = "logits"
TOKEN_LOGITS: Final = "token_logits"
LAST_HIDDEN_STATE: Final = "last_hidden_state"
POOLED: Final = "pooled"
OUTPUTS: Final = (LOGITS, TOKEN_LOGITS, LAST_HIDDEN_STATE, POOLED)

ROWS: Final = "rows"
BATCH: Final = "batch"
SEQUENCE: Final = "sequence"
LABELS: Final = "labels"

MODEL_FILE: Final = "model.onnx"
WEIGHTS_FILE: Final = "model.weights"
MANIFEST_FILE: Final = "bitfit.json"
TOKENIZER_FILE: Final = "tokenizer.json"
CONFIG_FILE: Final = "config.json"
BIASES_FILE: Final = "biases.safetensors"
# Key of the graph's metadata under which it names the SHA-256 of its weights' file.
WEIGHTS_DIGEST: Final = "bitfit.weights.sha256"

BASE_SCHEMA: Final = 1
PACK_SCHEMA: Final = 1
POOLINGS: Final = ("mean", "cls", "pooler")
PRECISIONS: Final = ("int8", "int4", "fp32")


class TaskType(NamedTuple):
    """What one kind of task asks of the graph: the output it reads and how few and how many labels it may have."""

    output: str
    labels: tuple[int, int]

    @property
    def has_head(self) -> bool:
        """Whether packs of this kind hold a head; otherwise they are biases alone."""
        return self.output != POOLED


@dataclass(frozen=True, slots=True)
class Limits:
    """Upper bounds that are checked before anything is allocated. Sizes are in bytes."""

    manifest_bytes: int = 16 << 20
    pack_bytes: int = 64 << 20
    metadata_bytes: int = 2 << 20
    labels: int = 65_536
    tokens: int = 65_536
    task_name_characters: int = 256
    canary_texts: int = 64


LIMITS: Final = Limits()

MANY: Final = LIMITS.labels
CLASSIFICATION: Final = "classification"
MULTI_LABEL: Final = "multi-label"
REGRESSION: Final = "regression"
TOKENS: Final = "token-classification"
SPAN: Final = "span"
EMBEDDING: Final = "embedding"
TASK_TYPES: Final[Mapping[str, TaskType]] = {
    CLASSIFICATION: TaskType(LOGITS, (2, MANY)),
    MULTI_LABEL: TaskType(LOGITS, (1, MANY)),
    REGRESSION: TaskType(LOGITS, (1, 1)),
    TOKENS: TaskType(TOKEN_LOGITS, (2, MANY)),
    SPAN: TaskType(TOKEN_LOGITS, (2, 2)),
    EMBEDDING: TaskType(POOLED, (0, 0)),
}
