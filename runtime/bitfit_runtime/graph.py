"""Names of the ONNX graph's inputs, outputs and dimensions, which exports write and the engine feeds."""

from typing import Final

INPUT_IDS: Final = "input_ids"
ATTENTION_MASK: Final = "attention_mask"
TOKEN_TYPE_IDS: Final = "token_type_ids"


def branch_input(layer: int) -> str:
    """Return the name of the input, int64 `[rows]`, that says which row below `layer` each row from there on continues.

    Its default is the identity.
    """
    return f"branch.{layer}"


HEAD_WEIGHT: Final = "head.weight"
HEAD_BIAS: Final = "head.bias"
# int64 [1]: for how many tokens of each row there are token logits. Its default is all; 0 spares their work.
TOKENS_READ: Final = "token_logits.tokens"

LOGITS: Final = "logits"
TOKEN_LOGITS: Final = "token_logits"
LAST_HIDDEN_STATE: Final = "last_hidden_state"
POOLED: Final = "pooled"
OUTPUTS: Final = (LOGITS, TOKEN_LOGITS, LAST_HIDDEN_STATE, POOLED)

# Dimensions that differ from run to run: `ROWS` is 1 or the batch.
ROWS: Final = "rows"
BATCH: Final = "batch"
SEQUENCE: Final = "sequence"
LABELS: Final = "labels"

POOLINGS: Final = ("mean", "cls", "pooler")
