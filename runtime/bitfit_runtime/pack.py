"""A pack: one task's biases and head in one `.safetensors` file.

All metadata is one JSON string under the key `bitfit`: safetensors orders several keys at random, and equal packs
should be equal bytes.
"""

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import safetensors.numpy
from safetensors import SafetensorError

from bitfit_runtime.contract import HEAD_BIAS, HEAD_WEIGHT, LIMITS, PACK_SCHEMA, POOLINGS, TASK_TYPES
from bitfit_runtime.errors import PackError, PackFormatError, PackMismatchError, PackNotFoundError
from bitfit_runtime.fields import Fields
from bitfit_runtime.manifest import Manifest
from bitfit_runtime.version import TOOL

FORMAT = "bitfit-pack"
METADATA_KEY = "bitfit"
ENCODINGS: Mapping[str, npt.DTypeLike] = {"float32": np.float32, "float16": np.float16}
Float32 = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class PackInfo:
    """What a pack says about itself.

    `base` is the digest of the base it was trained on, `terms` the bias terms it holds in the paper's names,
    `encoding` the dtype its tensors are stored in.
    """

    base: str
    base_name: str
    task: str
    task_type: str
    labels: tuple[str, ...]
    pooling: str
    max_length: int
    terms: tuple[str, ...]
    encoding: str = "float16"
    metrics: Mapping[str, float] = field(default_factory=dict)
    created_by: str = TOOL


@dataclass(frozen=True, slots=True)
class Pack:
    """One task, decoded to float32: biases `[size]`, `head.weight [hidden, labels]` and `head.bias [labels]`."""

    info: PackInfo
    tensors: Mapping[str, Float32]

    def check(self, base: Manifest) -> None:
        """Check that this pack fits `base`: digest, names, shapes, pooling, length.

        Raises PackMismatchError or PackFormatError.
        """
        info = self.info
        if info.base != base.digest:
            raise PackMismatchError(
                f"pack {info.task!r} was made for base {info.base_name} ({info.base[:19]}…), this base is {base.name} "
                f"({base.digest[:19]}…); train it on this base, or load the other one"
            )
        shapes: dict[str, tuple[int, ...]] = {spec.name: (spec.size,) for spec in base.biases}
        shapes |= {HEAD_WEIGHT: (base.hidden_size, len(info.labels)), HEAD_BIAS: (len(info.labels),)}
        for name, tensor in self.tensors.items():
            if name not in shapes:
                raise PackFormatError(
                    f"pack {info.task!r}: the base has no tensor named {name!r}; train the pack again"
                )
            if tensor.shape != shapes[name]:
                raise PackFormatError(
                    f"pack {info.task!r}: {name} should have shape {shapes[name]}, found {tensor.shape}; train it again"
                )
        undeclared = {spec.term for spec in base.biases if spec.name in self.tensors} - set(info.terms)
        if undeclared:
            raise PackFormatError(
                f"pack {info.task!r} holds biases of {', '.join(sorted(undeclared))}, its terms are "
                f"{', '.join(info.terms) or 'none'}; train it again"
            )
        if info.pooling != base.pooling:
            raise PackMismatchError(f"pack {info.task!r} pools by {info.pooling}, the base by {base.pooling}")
        if info.max_length > base.max_length:
            raise PackMismatchError(
                f"pack {info.task!r} takes {info.max_length} tokens, the base at most {base.max_length}"
            )


def serialize(pack: Pack) -> bytes:
    """Return the pack as the bytes of a `.safetensors` file. Equal packs give equal bytes."""
    document = {"format": FORMAT, "schema_version": PACK_SCHEMA} | asdict(pack.info)
    metadata = {METADATA_KEY: json.dumps(document, ensure_ascii=False, sort_keys=True)}
    dtype = ENCODINGS[pack.info.encoding]
    with np.errstate(over="ignore"):  # an overflow to infinity is refused by `_check_finite`, with the tensor's name
        tensors = {name: np.ascontiguousarray(tensor, dtype=dtype) for name, tensor in pack.tensors.items()}
    _check_finite(tensors, f"pack {pack.info.task!r}")
    return bytes(safetensors.numpy.save(tensors, metadata=metadata))


def parse(data: bytes, where: str = "pack") -> Pack:
    """Read a pack from bytes. Raises PackFormatError on anything that is not a whole, finite pack of this schema."""
    if len(data) > LIMITS.pack_bytes:
        raise PackFormatError(f"{where} holds {len(data)} bytes, at most {LIMITS.pack_bytes} are accepted")
    length = int.from_bytes(data[:8], "little")
    if length > LIMITS.metadata_bytes:
        raise PackFormatError(f"{where} has a header of {length} bytes, at most {LIMITS.metadata_bytes} are accepted")
    try:
        tensors = safetensors.numpy.load(data)
        metadata = json.loads(data[8 : 8 + length]).get("__metadata__", {})
        document: Any = json.loads(metadata[METADATA_KEY])
    except KeyError as error:
        raise PackFormatError(f"{where} is not a bitfit pack (no {error}); expected one from 'bitfit train'") from None
    except (SafetensorError, ValueError, RecursionError, AttributeError, TypeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise PackFormatError(f"{where} is truncated, altered or no pack ({reason}); get it again") from None
    info = _parse_info(document, where)
    dtype = np.dtype(ENCODINGS[info.encoding])
    for name, tensor in tensors.items():
        if tensor.dtype != dtype:
            raise PackFormatError(f"{where}: {name} should be {dtype}, found {tensor.dtype}; get the pack again")
    _check_finite(tensors, where)
    for name in (HEAD_WEIGHT, HEAD_BIAS):
        if name not in tensors:
            raise PackFormatError(f"{where} has no {name}; get the pack again")
    return Pack(info, {name: tensor.astype(np.float32) for name, tensor in tensors.items()})


def read_pack(path: str | Path) -> Pack:
    """Read a pack file. Raises PackNotFoundError or PackFormatError."""
    path = Path(path)
    try:
        if not path.is_file():
            raise PackNotFoundError(f"there is no pack at {path}; make one with 'bitfit train'")
        if path.stat().st_size > LIMITS.pack_bytes:
            raise PackFormatError(f"{path} is larger than {LIMITS.pack_bytes} bytes; it is no pack")
        return parse(path.read_bytes(), str(path))
    except OSError as error:
        raise PackError(f"cannot read {path} ({error.strerror or error}); check the file's permissions") from None


def write_pack(pack: Pack, path: str | Path) -> Path:
    """Write a pack file atomically: a reader finds the old file or the whole new one. Raises PackError."""
    path = Path(path)
    data = serialize(pack)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            Path(temporary).chmod(0o644)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise PackError(f"cannot write {path} ({error.strerror or error}); what was there is unchanged") from None
    return path


def _parse_info(document: object, where: str) -> PackInfo:
    fields = Fields(document, where, lambda message: PackFormatError(f"{message}; get the pack again"))
    fields.choice("format", (FORMAT,))
    fields.schema(PACK_SCHEMA)
    info = PackInfo(
        base=fields.get("base", str),
        base_name=fields.get("base_name", str),
        task=fields.get("task", str),
        task_type=fields.choice("task_type", TASK_TYPES),
        labels=fields.strings("labels"),
        pooling=fields.choice("pooling", POOLINGS),
        max_length=fields.get("max_length", int),
        terms=fields.strings("terms"),
        encoding=fields.choice("encoding", tuple(ENCODINGS)),
        metrics=fields.mapping("metrics", float),
        created_by=fields.get("created_by", str),
    )
    if len(info.task) > LIMITS.task_name_characters:
        raise PackFormatError(f"{where}: a task name has at most {LIMITS.task_name_characters} characters")
    if not 1 <= len(info.labels) <= LIMITS.labels or len(set(info.labels)) != len(info.labels):
        raise PackFormatError(f"{where}: expected 1 to {LIMITS.labels} distinct labels, found {len(info.labels)}")
    if info.max_length < 3:
        raise PackFormatError(f"{where}: max_length should be at least 3, found {info.max_length}; get the pack again")
    return info


def _check_finite(tensors: Mapping[str, npt.NDArray[Any]], where: str) -> None:
    for name, tensor in tensors.items():
        if not np.isfinite(tensor).all():
            raise PackFormatError(f"{where}: {name} holds a value that is not finite; train the pack again")
