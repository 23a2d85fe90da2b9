"""Tensors of checkpoints and adapters under the names of the base, and what is left: the head."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from bitfit_exporters.weight_files import find_weights
from bitfit_runtime import Base
from bitfit_toolkit.errors import ConversionError

Float32 = npt.NDArray[np.float32]
WEIGHT, BIAS = "classifier.weight", "classifier.bias"
# Their sequence classifier is one linear layer on the pooler; those of other families have layers before it.
LINEAR_ON_POOLER: Final = ("bert", "albert", "ernie")
LAYERS_BEFORE_TAGS: Final = ("modernbert", "nomic_bert", "eurobert")
BUFFERS: Final = ("position_ids", "token_type_ids", "inv_freq")


@dataclass(frozen=True, slots=True)
class Sorted:
    """Tensors by what they are: `biases` and `weights` of the encoder by the base's names, and the head's `rest`."""

    biases: Mapping[str, Float32]
    weights: Mapping[str, Float32]
    rest: Mapping[str, Float32]


def checkpoint_tensors(folder: Path) -> dict[str, Float32]:
    """Return the tensors of a checkpoint in float32, by their names. Raises ExportError."""
    return {name: value.float().numpy() for name, value in find_weights(folder).load().items()}


def sort_tensors(base: Base, tensors: Mapping[str, Float32]) -> Sorted:
    """Sort tensors whose names may begin with the encoder's own, as `bert.`; buffers are left out."""
    biases = {spec.name for spec in base.manifest.biases}
    weights = {spec.name for spec in base.manifest.weights}
    found: tuple[dict[str, Float32], ...] = ({}, {}, {})
    for name, value in tensors.items():
        if is_idle(base, name):
            continue
        short = name if name in biases | weights else name.partition(".")[2]
        place = 0 if short in biases else 1 if short in weights else 2
        if not name.endswith(BUFFERS):
            found[place][short if place < 2 else name] = value
    return Sorted(*found)


def is_idle(base: Base, name: str) -> bool:
    """Return whether a tensor is of a pooler that no answer of the base goes through."""
    idle = base.manifest.pooling != "pooler"
    return idle and (name.startswith("pooler.") or name.partition(".")[2].startswith("pooler."))


def linear_head(rest: Mapping[str, Float32], where: str) -> tuple[Float32, Float32] | None:
    """Return weights `[labels, hidden]` and biases of the one linear head, None where there is no head.

    Raises ConversionError on anything else.
    """
    odd = sorted(rest.keys() - {WEIGHT, BIAS})
    if odd:
        raise ConversionError(
            f"{where} holds {odd[0]}, which is neither a bias of the base nor a linear head ('classifier'); a pack "
            "holds these alone: train it with 'bitfit train', or export the model itself"
        )
    if not rest:
        return None
    if rest.keys() != {WEIGHT, BIAS}:
        raise ConversionError(f"{where} has {', '.join(sorted(rest))} alone; a head is its weights and its biases")
    return rest[WEIGHT], rest[BIAS]


def check_head_fits(base: Base, kind: str) -> None:
    """Raise ConversionError unless a `classifier` of transformers, for "sequence" or "token", reads what heads do."""
    manifest = base.manifest
    if kind == "token":
        if manifest.architecture in LAYERS_BEFORE_TAGS:
            raise ConversionError(
                f"{manifest.architecture} in transformers has a dense layer before its tags, which a pack cannot hold; "
                "train the task with 'bitfit train'"
            )
        return
    if manifest.architecture not in LINEAR_ON_POOLER:
        raise ConversionError(
            f"{manifest.architecture} in transformers has a dense layer before its classifier, which a pack cannot "
            f"hold; heads of {', '.join(LINEAR_ON_POOLER)} can be converted: train the task with 'bitfit train'"
        )
    if manifest.pooling != "pooler":
        raise ConversionError(
            f"the classifier reads the model's pooler, the base pools by {manifest.pooling}; export the base again "
            "with --pooling pooler"
        )
