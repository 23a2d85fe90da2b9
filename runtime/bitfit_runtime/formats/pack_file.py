"""Pack files: one `.safetensors` file each, read with every bound checked, written whole or not at all.

All metadata is one JSON string under the key `bitfit`: safetensors orders several keys at random, and equal packs
should be equal bytes.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError

from bitfit_runtime.arguments import as_path
from bitfit_runtime.errors import HubError, PackError, PackFormatError, PackNotFoundError, first_line
from bitfit_runtime.files import write_output
from bitfit_runtime.formats.json_fields import Fields, load_json
from bitfit_runtime.formats.pack import Canary, Pack, PackInfo, Windows
from bitfit_runtime.formats.pack_decisions import decisions_document, parse_decisions
from bitfit_runtime.formats.pack_encoding import ENCODINGS, SCALE, Stored
from bitfit_runtime.formats.schema import BIASES, CANARY, CENTRES, LIMITS, PACK_FIELDS, PACK_SCHEMA, TRANSITIONS
from bitfit_runtime.graph import HEAD_BIAS, HEAD_WEIGHT, POOLINGS
from bitfit_runtime.hub_names import HubName
from bitfit_runtime.tasks import TASK_TYPES, TaskType
from bitfit_runtime.tasks.base import MEAN
from bitfit_runtime.transitions import LARGEST_SCORE, LEARNED, LEGAL, without_begin

FORMAT = "bitfit-pack"
METADATA_KEY = "bitfit"
SCHEMAS = tuple(sorted({PACK_SCHEMA, *PACK_FIELDS.values()}))


def parse_pack(data: bytes, where: str = "pack") -> Pack:
    """Read a pack from bytes. Raises PackFormatError on anything that is not a whole, finite pack of this schema."""
    length = check_size(data, where)
    try:
        tensors = _load_tensors(data, where)
        metadata = load_json(data[8 : 8 + length]).get("__metadata__", {})
        document = load_json(metadata[METADATA_KEY])
    except KeyError as error:
        raise PackFormatError(f"{where} is not a bitfit pack ({error}); expected one from 'bitfit train'") from None
    except (SafetensorError, ValueError, RecursionError, AttributeError, TypeError) as error:
        raise PackFormatError(
            f"{where} is truncated, altered or not a pack ({first_line(error)}); get it again"
        ) from None
    return _checked(document, tensors, where)


def read_pack(path: str | Path, token: str | None = None) -> Pack:
    """Read a pack file, or the pack of that name on the hub where there is no such file.

    `token` is for private repositories. Raises PackNotFoundError, PackFormatError or MissingExtraError.
    """
    path = as_path(path, "path")
    name = HubName.of_path(path)
    if name is not None:
        path = _fetched(name, token)
    try:
        if not path.is_file():
            raise PackNotFoundError(f"no pack at {path}; make one with 'bitfit train'")
        if path.stat().st_size > LIMITS.pack_bytes:
            raise PackFormatError(f"{path} is larger than {LIMITS.pack_bytes} bytes; it is not a pack")
        return parse_pack(path.read_bytes(), str(path))
    except OSError as error:
        raise PackError(f"cannot read {path} ({error.strerror or error}); check the file's permissions") from None


def _fetched(name: HubName, token: str | None) -> Path:
    from bitfit_runtime.hub import fetch_pack  # it needs huggingface_hub

    try:
        return fetch_pack(name, token)[0]
    except HubError as error:
        raise PackNotFoundError(str(error)) from None


def serialize(pack: Pack) -> bytes:
    """Return the pack as the bytes of a `.safetensors` file. Equal packs give equal bytes.

    Raises PackFormatError when no file can hold it, or no reader would take it: too large, or with a value that is not
    finite, say.
    """
    where = f"pack {pack.info.task!r}"
    try:
        document, tensors = _stored(pack)
        metadata = {METADATA_KEY: json.dumps(document, ensure_ascii=False, sort_keys=True)}
        _checked(load_json(metadata[METADATA_KEY]), dict(tensors), where)
        data = bytes(safetensors.numpy.save(tensors, metadata=metadata))
    except (SafetensorError, ValueError, RecursionError, AttributeError, TypeError) as error:
        raise PackFormatError(
            f"{where} holds what no file of a pack can ({first_line(error)}); correct it, and write it again"
        ) from None
    check_size(data, where)
    return data


def _stored(pack: Pack) -> tuple[dict[str, Any], dict[str, Stored]]:
    """Return the document and the tensors that the file of a pack holds."""
    fields = {name: value for name, value in asdict(pack.info).items() if value is not None}
    if not pack.info.from_layer:
        del fields["from_layer"]
    if pack.info.decisions is not None:
        fields["decisions"] = decisions_document(pack.info.decisions)
    schema = max(PACK_FIELDS.get(name, PACK_SCHEMA) for name in fields)
    document = {"format": FORMAT, "schema_version": schema} | fields
    tensors = dict(pack.tensors)
    if pack.canary is not None:
        document[CANARY] = {
            "inputs": [_input(*texts) for texts in pack.canary.texts],
            "kernels": pack.canary.kernel_fingerprint,
        }
        tensors[CANARY] = pack.canary.expected
    return document, tensors


def write_pack(pack: Pack, path: str | Path) -> Path:
    """Write a pack file atomically: a reader finds the old file or the whole new one. Raises PackError."""
    path = as_path(path, "path")
    data = serialize(pack)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_output(path, data)
    except OSError as error:
        raise PackError(f"cannot write {path} ({error.strerror or error}); what was there is unchanged") from None
    return path


def _checked(document: Any, tensors: dict[str, Stored], where: str) -> Pack:
    """Return the pack of a document and tensors, the canary's being taken out. Raises PackFormatError."""
    info = _parse_info(document, where)
    check_finite(tensors, where)
    canary = _parse_canary(document[CANARY], tensors.pop(CANARY, None), where) if CANARY in document else None
    _check_tensors(tensors, info, where)
    return Pack(info, tensors, canary)


def _load_tensors(data: bytes, where: str) -> dict[str, Stored]:
    try:
        tensors: dict[str, Stored] = safetensors.numpy.load(data)
    except KeyError as error:  # a dtype that NumPy lacks
        raise PackFormatError(
            f"{where} holds a tensor of dtype {error}, which packs do not use; get it again"
        ) from None
    return tensors


def _parse_info(document: object, where: str) -> PackInfo:
    fields = Fields(document, where, lambda message: PackFormatError(f"{message}; get the pack again"))
    fields.choice("format", (FORMAT,))
    fields.schema(*SCHEMAS)
    schema = fields.get("schema_version", int)
    strange = [name for name, first in PACK_FIELDS.items() if name in fields and schema < first]
    if strange:
        raise PackFormatError(f"{where}: schema version {schema} has no field {strange[0]!r}; get the pack again")
    task_type, max_length = TASK_TYPES[fields.choice("task_type", tuple(TASK_TYPES))], fields.get("max_length", int)
    labels = fields.strings("labels")
    info = PackInfo(
        base=fields.get("base", str),
        base_name=fields.get("base_name", str),
        task=fields.get("task", str),
        task_type=task_type.name,
        labels=labels,
        pooling=fields.choice("pooling", POOLINGS),
        max_length=max_length,
        terms=fields.strings("terms"),
        encoding=fields.choice("encoding", tuple(ENCODINGS)),
        metrics=fields.mapping("metrics", float),
        created_by=fields.get("created_by", str),
        tokenizer=fields.optional("tokenizer", str),
        from_layer=fields.optional("from_layer", int) or 0,
        windows=_windows(fields.nested("windows"), task_type, max_length, where) if "windows" in fields else None,
        transitions=fields.choice(TRANSITIONS, (LEGAL, LEARNED)) if TRANSITIONS in fields else None,
        words=fields.choice("words", (MEAN,)) if "words" in fields else None,
        decisions=(
            parse_decisions(fields.nested("decisions"), task_type, len(labels), where)
            if "decisions" in fields
            else None
        ),
    )
    if len(info.task) > LIMITS.task_name_characters:
        raise PackFormatError(f"{where}: a task name has at most {LIMITS.task_name_characters} characters")
    fewest, most = task_type.min_labels, LIMITS.labels if task_type.max_labels is None else task_type.max_labels
    if not fewest <= len(info.labels) <= most or len(set(info.labels)) != len(info.labels):
        raise PackFormatError(
            f"{where}: a {info.task_type} task has {fewest} to {most} distinct labels, found {len(info.labels)}"
        )
    if info.max_length < 3:
        raise PackFormatError(f"{where}: max_length should be at least 3, found {info.max_length}; get the pack again")
    if not 0 <= info.from_layer <= LIMITS.layers:
        raise PackFormatError(f"{where}: from_layer should be a layer, found {info.from_layer}; get the pack again")
    if info.words is not None and not task_type.has_tags:
        raise PackFormatError(f"{where}: a {info.task_type} task has no words; get the pack again")
    if info.transitions is not None:
        _check_tags(info, task_type, where)
    return info


def _check_tags(info: PackInfo, task_type: TaskType, where: str) -> None:
    """Refuse transitions where labels are no BIO tags, each of which some legal path has."""
    if not task_type.has_tags:
        raise PackFormatError(f"{where}: a {info.task_type} task has no {TRANSITIONS}; get the pack again")
    if len(info.labels) > LIMITS.tags:
        raise PackFormatError(f"{where}: {TRANSITIONS} take at most {LIMITS.tags} labels, found {len(info.labels)}")
    odd = without_begin(info.labels)
    if odd is not None:
        raise PackFormatError(
            f"{where}: {TRANSITIONS} need the labels O, B-NAME, and I-NAME beside its B-NAME, found {odd!r}; get the "
            "pack again"
        )


def _windows(fields: Fields, task_type: TaskType, max_length: int, where: str) -> Windows:
    windows = Windows(
        join=fields.choice("join", task_type.joins),
        overlap=fields.get("overlap", int),
        max_windows=fields.get("max_windows", int),
    )
    most = max_length // 2
    if not 0 <= windows.overlap <= most:
        raise PackFormatError(f"{where}: windows should overlap by 0 to {most} tokens, found {windows.overlap}")
    if not 1 <= windows.max_windows <= LIMITS.windows:
        raise PackFormatError(f"{where}: max_windows should be 1 to {LIMITS.windows}, found {windows.max_windows}")
    return windows


def _parse_canary(document: object, expected: Stored | None, where: str) -> Canary:
    where = f"{where}: {CANARY}"
    fields = Fields(document, where, lambda message: PackFormatError(f"{message}; get the pack again"))
    fingerprint = fields.get("kernels", str)
    texts = tuple((item.get("text", str), item.optional("text_pair", str)) for item in fields.objects("inputs"))
    if not 1 <= len(texts) <= LIMITS.canary_texts:
        raise PackFormatError(f"{where} has 1 to {LIMITS.canary_texts} inputs, found {len(texts)}; get the pack again")
    if not re.fullmatch("[0-9a-f]{16}", fingerprint):
        raise PackFormatError(f"{where}: kernels should be 16 hexadecimal digits, found {fingerprint[:32]!r}")
    if expected is None or expected.dtype != np.float32 or expected.ndim != 1:
        raise PackFormatError(f"{where}: the tensor {CANARY} should be a vector of float32; get the pack again")
    return Canary(texts, fingerprint, expected)


def _check_tensors(tensors: Mapping[str, Stored], info: PackInfo, where: str) -> None:
    """Check names, dtypes and dimensions; sizes depend on the base and are checked when the pack is decoded."""
    encoding = ENCODINGS[info.encoding]
    expected: dict[str, Any] = {}
    coded = [(BIASES, bool(info.terms), encoding.bias_max_code)]
    coded.append((HEAD_WEIGHT, TASK_TYPES[info.task_type].has_head, encoding.head_max_code))
    for name, present, max_code in coded:
        if present:
            expected |= {name: np.uint8, name + SCALE: np.float32} if max_code else {name: encoding.dtype}
    if HEAD_WEIGHT in expected:
        expected[HEAD_BIAS] = encoding.dtype
    if info.transitions == LEARNED:
        expected[TRANSITIONS] = np.float16
    if info.decisions is not None and info.decisions.outliers is not None:
        expected[CENTRES] = np.uint8
    odd = sorted(expected.keys() - tensors.keys()) or sorted(tensors.keys() - expected.keys())
    if odd:
        state = "lacks" if odd[0] in expected else "should not hold"
        raise PackFormatError(f"{where} {state} the tensor {odd[0]}; get the pack again")
    for name, dtype in expected.items():
        tensor = tensors[name]
        if tensor.dtype != dtype or tensor.ndim != 1:
            found = f"{tensor.dtype} of {tensor.ndim} dimensions"
            raise PackFormatError(f"{where}: {name} should be a vector of {np.dtype(dtype)}, found {found}")
    if HEAD_BIAS in expected and tensors[HEAD_BIAS].size != len(info.labels):
        raise PackFormatError(f"{where}: {HEAD_BIAS} should have {len(info.labels)} elements; get the pack again")
    if TRANSITIONS in expected:
        _check_scores(tensors[TRANSITIONS], len(info.labels), where)


def _check_scores(scores: Stored, labels: int, where: str) -> None:
    if scores.size != (labels + 1) * labels:
        raise PackFormatError(
            f"{where}: {TRANSITIONS} should have {(labels + 1) * labels} elements for {labels} labels, found "
            f"{scores.size}; get the pack again"
        )
    if np.abs(scores).max() > LARGEST_SCORE:
        raise PackFormatError(f"{where}: {TRANSITIONS} should be at most {LARGEST_SCORE:g} in size; get the pack again")


def check_size(data: bytes, where: str) -> int:
    """Refuse a file, or a header of one, that is larger than readers take. Returns the bytes of the header.

    Raises PackFormatError.
    """
    if len(data) > LIMITS.pack_bytes:
        raise PackFormatError(f"{where} holds {len(data)} bytes, at most {LIMITS.pack_bytes} are accepted")
    length = int.from_bytes(data[:8], "little")
    if length > LIMITS.metadata_bytes:
        raise PackFormatError(f"{where} has a header of {length} bytes, at most {LIMITS.metadata_bytes} are accepted")
    return length


def check_finite(tensors: Mapping[str, Stored], where: str) -> None:
    """Refuse a value that is not finite. Raises PackFormatError."""
    for name, tensor in tensors.items():
        if tensor.dtype.kind == "f" and not np.isfinite(tensor).all():
            raise PackFormatError(f"{where}: {name} holds a value that is not finite; train the pack again")


def _input(text: str, text_pair: str | None) -> dict[str, str]:
    return {"text": text} if text_pair is None else {"text": text, "text_pair": text_pair}
