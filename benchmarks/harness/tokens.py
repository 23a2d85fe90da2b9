"""Token ids that sessions are fed: random ones, and those of texts. Imports neither ONNX Runtime nor torch."""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from tokenizers import Encoding

Tokens: TypeAlias = dict[str, npt.NDArray[np.int64]]  # by input name, `[rows, tokens]`

TEXT = "a b c d e f g h i j k l m n"  # 16 tokens of both models
# Ids that both models have and that are no special tokens.
FIRST_ID, LAST_ID = 999, 30_000


def random_tokens(rows: int, sequence: int) -> Tokens:
    """Return random ids `[rows, sequence]` without padding, the same at each call: speed does not depend on them."""
    ids = np.random.default_rng(0).integers(FIRST_ID, LAST_ID, (rows, sequence))
    return {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}


def tokens_of(encoding: Encoding) -> Tokens:
    """Return what the `tokenizers` package made of one text as inputs `[1, tokens]`."""
    fields = {
        "input_ids": encoding.ids,
        "attention_mask": encoding.attention_mask,
        "token_type_ids": encoding.type_ids,
    }
    return {name: np.array([values], np.int64) for name, values in fields.items()}
