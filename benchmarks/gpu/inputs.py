"""Inputs for a machine that nothing can be fetched from: a checkpoint and data sets, in parts that travel one by one.

    python -m gpu.inputs part CHECKPOINT PARTS     weights in float16, cut into files of at most 60 MiB
    python -m gpu.inputs join PARTS CHECKPOINT     the same checkpoint again, in float32
    python -m gpu.inputs tiny CHECKPOINT           a random checkpoint, to try everything on a CPU

Parts may arrive in any order and number; a checkpoint is written when all of them are there, and its digest is theirs.
"""

import hashlib
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import torch
import transformers
from safetensors.torch import load, save, save_file

from harness.models import letter_tokenizer

PART_BYTES: Final = 60 << 20
WEIGHTS: Final = "model.safetensors"
TOKENS: Final = 10_000  # of the random checkpoint: steps that are timed draw from as many
INDEX: Final = "parts.json"  # how many parts there are, the digest of all, and the checkpoint's other files
OTHERS: Final = ("config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt")


def part(checkpoint: Path, folder: Path, part_bytes: int = PART_BYTES) -> int:
    """Write the parts of a checkpoint, and return how many there are."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = load((checkpoint / WEIGHTS).read_bytes())
    halved = {name: value.half() if value.is_floating_point() else value for name, value in tensors.items()}
    weights = save(halved)
    parts = [weights[start : start + part_bytes] for start in range(0, len(weights), part_bytes)]
    for number, piece in enumerate(parts):
        _part(folder, number).write_bytes(piece)
    for name in OTHERS:
        if (checkpoint / name).exists():
            shutil.copy(checkpoint / name, folder / name)
    index = {"parts": len(parts), "sha256": hashlib.sha256(weights).hexdigest()}
    (folder / INDEX).write_text(json.dumps(index))
    return len(parts)


def join(folder: Path, checkpoint: Path) -> None:
    """Write the checkpoint whose parts are in a folder. Exits where some are missing, or altered."""
    if not (folder / INDEX).exists():
        sys.exit(f"error: {folder} should hold {INDEX}; send it with the first part")
    index = json.loads((folder / INDEX).read_text())
    missing = [str(number) for number in range(index["parts"]) if not _part(folder, number).exists()]
    if missing:
        sys.exit(f"error: {folder} lacks parts {', '.join(missing)} of {index['parts']}; send them and join again")
    weights = b"".join(_part(folder, number).read_bytes() for number in range(index["parts"]))
    if hashlib.sha256(weights).hexdigest() != index["sha256"]:
        sys.exit(f"error: the parts in {folder} are not those that {INDEX} was written for; send all of them again")
    checkpoint.mkdir(parents=True, exist_ok=True)
    tensors = {name: value.float() if value.is_floating_point() else value for name, value in load(weights).items()}
    for name in OTHERS:
        if (folder / name).exists():
            shutil.copy(folder / name, checkpoint / name)
    save_file(tensors, checkpoint / WEIGHTS, metadata={"format": "pt"})


def tiny(checkpoint: Path) -> None:
    """Make a random encoder of two layers, with a tokenizer that knows letters."""
    torch.manual_seed(0)
    shape = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 128}
    tokenizer = letter_tokenizer(TOKENS)
    transformers.BertModel(transformers.BertConfig(vocab_size=TOKENS, **shape)).save_pretrained(checkpoint)
    tokenizer.save_pretrained(checkpoint)


def _part(folder: Path, number: int) -> Path:
    return folder / f"weights.{number:02d}"


if __name__ == "__main__":
    commands: dict[str, Callable[..., object]] = {"part": part, "join": join, "tiny": tiny}
    commands[sys.argv[1]](*map(Path, sys.argv[2:]))
