"""Numbers that were trained elsewhere, as a pack of a base."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bitfit_exporters.read_back import read_parameters
from bitfit_runtime import Base, Pack, PackInfo, write_pack
from bitfit_runtime.formats import ENCODINGS, encode, parse_pack, serialize
from bitfit_runtime.graph import HEAD_BIAS, HEAD_WEIGHT
from bitfit_runtime.tasks import TASK_TYPES
from bitfit_toolkit.errors import ConversionError
from bitfit_toolkit.training.pack_encoding import fold

Float32 = npt.NDArray[np.float32]
SHORTEST = 3
UNMEASURED = "its metrics are unmeasured; measure them with 'bitfit eval'"


@dataclass(frozen=True, slots=True)
class Naming:
    """What the pack says of itself that no file of others tells. `labels` and `task_type` are None where they do."""

    task: str = "task"
    labels: tuple[str, ...] | None = None
    task_type: str | None = None
    max_length: int | None = None
    encoding: str = "float32"

    def __post_init__(self) -> None:
        if self.encoding not in ENCODINGS:
            raise ConversionError(f"`encoding` should be one of {', '.join(ENCODINGS)}, found {self.encoding!r}")
        if self.task_type is not None and self.task_type not in TASK_TYPES:
            raise ConversionError(f"`task_type` should be one of {', '.join(TASK_TYPES)}, found {self.task_type!r}")
        if isinstance(self.labels, str):
            raise ConversionError("`labels` should be a sequence of names, found a string; write [name, …]")
        if self.max_length is not None and self.max_length < SHORTEST:
            raise ConversionError(f"`max_length` should be at least {SHORTEST} tokens, found {self.max_length}")


@dataclass(frozen=True, slots=True)
class Converted:
    """A pack whose metrics are unmeasured, and `notes` on what its user should know."""

    pack: Pack
    notes: tuple[str, ...] = field(default=())

    def write(self, path: str | Path) -> Path:
        """Write the pack file. Raises PackError."""
        return write_pack(self.pack, path)


def opened(base: Base | str | Path) -> Base:
    """Return a base that was given as such or as its folder. Raises BaseError."""
    return base if isinstance(base, Base) else Base.open(base)


def make_pack(
    base: Base,
    biases: Mapping[str, Float32],
    head: tuple[Float32, Float32] | None,
    task_type: str,
    labels: Sequence[str],
    naming: Naming,
) -> Pack:
    """Return a pack of `biases` `[n]` by the base's names and a head: weights `[labels, hidden]`, biases `[labels]`.

    Biases that equal the base's, or cannot change an answer, are left out; the first layer that differs is where the
    pack begins. Value biases fold as in training. Raises ConversionError where the pack would fit no base.
    """
    manifest, defaults = base.manifest, base.default_biases
    tensors = {} if head is None else _head(head, manifest.hidden_size, labels)
    changed = [
        spec
        for spec in manifest.biases
        if spec.name in biases
        and spec.term not in manifest.redundant_terms
        and not np.array_equal(biases[spec.name], defaults[spec.name])
    ]
    below = [max(spec.layer, 0) for spec in changed if spec.below(manifest.layers)]
    first = min(below, default=manifest.layers)
    held = manifest.biases_of({spec.term for spec in changed}, first)
    values = {spec.name: biases.get(spec.name, defaults[spec.name]) for spec in held}
    if manifest.foldable_terms and values:
        values = fold(values, defaults, read_parameters(base), manifest)
    kept = {spec.term for spec in held if spec.name in values}
    if not kept and head is None:
        raise ConversionError("every bias equals the base's and there is no head: nothing is left for a pack to hold")
    length = manifest.max_length if naming.max_length is None else min(naming.max_length, manifest.max_length)
    info = PackInfo(
        base=manifest.digest,
        base_name=manifest.name,
        task=naming.task,
        task_type=task_type,
        labels=tuple(labels),
        pooling=manifest.pooling,
        max_length=length,
        terms=tuple(dict.fromkeys(spec.term for spec in manifest.biases if spec.term in kept)),
        encoding=naming.encoding,
        tokenizer=manifest.tokenizer_digest,
        from_layer=first,
    )
    pack = Pack(info, encode(values | tensors, defaults, manifest, naming.encoding))
    read = parse_pack(serialize(pack))  # what no reader would take is refused here
    read.decode(manifest, defaults)
    return read


def label_names(count: int, naming: Naming, known: Sequence[str] | None, task_type: str) -> tuple[str, ...]:
    """Return `count` labels: those that were given, else those `known`, else the names that transformers gives.

    Raises ConversionError where there are not as many as the head has outputs, or two are equal.
    """
    chosen = naming.labels or known or [f"LABEL_{index}" for index in range(count)]
    if len(chosen) != count:
        raise ConversionError(f"the head has {count} outputs, found {len(chosen)} labels; give one for each, in order")
    if len(set(chosen)) != count:
        raise ConversionError("two labels are equal; give each output a label of its own")
    least = TASK_TYPES[task_type].min_labels
    if count < least:
        raise ConversionError(f"a {task_type} task has at least {least} labels, the head has {count}; choose its type")
    return tuple(map(str, chosen))


def _head(head: tuple[Float32, Float32], width: int, labels: Sequence[str]) -> dict[str, Float32]:
    weight, bias = (np.asarray(part, np.float32) for part in head)
    if weight.ndim != 2 or weight.shape[1] != width or weight.shape[0] != len(labels) or bias.shape != (len(labels),):
        raise ConversionError(
            f"the head has weights {list(weight.shape)} and biases {list(bias.shape)}, the base asks for "
            f"[{len(labels)}, {width}] and [{len(labels)}]; a head fits the base whose vectors it was trained on"
        )
    return {HEAD_WEIGHT: np.ascontiguousarray(weight.T), HEAD_BIAS: bias}
