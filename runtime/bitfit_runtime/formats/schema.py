"""Names, versions and limits of files. `docs/formats.md` is the prose twin of this module."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from bitfit_runtime import __version__

CREATED_BY: Final = f"bitfit-edge {__version__}"
BASE_SCHEMA: Final = 1
EXTENDED_BASE_SCHEMA: Final = 2  # of bases with static activations
PACK_SCHEMA: Final = 1
# Fields that came later, which change answers, and the first schema of packs that has them.
PACK_FIELDS: Final[Mapping[str, int]] = {"from_layer": 2, "windows": 2, "decisions": 3, "transitions": 3, "words": 3}
PRECISIONS: Final = ("int8", "int4", "fp32")
ACTIVATIONS: Final = ("dynamic", "static")

MODEL_FILE: Final = "model.onnx"
WEIGHTS_FILE: Final = "model.weights"
MANIFEST_FILE: Final = "bitfit.json"
TOKENIZER_FILE: Final = "tokenizer.json"
CONFIG_FILE: Final = "config.json"
CARD_FILE: Final = "README.md"
BIASES_FILE: Final = "biases.safetensors"
# Key of the graph's metadata under which it names the SHA-256 of its weights' file.
WEIGHTS_DIGEST: Final = "bitfit.weights.sha256"

# Tensors of a pack besides the head's.
BIASES: Final = "biases"
CANARY: Final = "canary"
TRANSITIONS: Final = "transitions"
CENTRES: Final = "outlier.centres"


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
    windows: int = 1024
    layers: int = 65_536
    tags: int = 512  # labels between which there are transitions
    centre_codes: int = 1 << 20  # labels times what a centre has


LIMITS: Final = Limits()
