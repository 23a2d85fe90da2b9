"""Names and limits that the graph, the bundle and the pack agree on.

`docs/formats.md` is the prose twin of this file.
"""

from dataclasses import dataclass
from typing import Final

INPUT_IDS: Final = "input_ids"
ATTENTION_MASK: Final = "attention_mask"
TOKEN_TYPE_IDS: Final = "token_type_ids"

HEAD_WEIGHT: Final = "head.weight"
HEAD_BIAS: Final = "head.bias"

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
MANIFEST_FILE: Final = "bitfit.json"
TOKENIZER_FILE: Final = "tokenizer.json"
CONFIG_FILE: Final = "config.json"
BIASES_FILE: Final = "biases.safetensors"

BASE_SCHEMA: Final = 1
PACK_SCHEMA: Final = 1
POOLINGS: Final = ("mean", "cls", "pooler")
PRECISIONS: Final = ("int8", "fp32")
CLASSIFICATION: Final = "classification"
TASK_TYPES: Final = (CLASSIFICATION,)


@dataclass(frozen=True, slots=True)
class Limits:
    """Upper bounds that are checked before anything is allocated. Sizes are in bytes."""

    manifest_bytes: int = 16 << 20
    pack_bytes: int = 64 << 20
    metadata_bytes: int = 8 << 20
    labels: int = 65_536
    tokens: int = 65_536
    task_name_characters: int = 256


LIMITS: Final = Limits()
