"""Writing pack files, whole or not at all."""

import json
from dataclasses import asdict
from pathlib import Path

import safetensors.numpy

from bitfit_runtime.contract import CANARY, PACK_SCHEMA
from bitfit_runtime.errors import PackError
from bitfit_runtime.files import write_file
from bitfit_runtime.pack import Pack
from bitfit_runtime.pack_file import FORMAT, METADATA_KEY, check_finite, check_size


def serialize(pack: Pack) -> bytes:
    """Return the pack as the bytes of a `.safetensors` file. Equal packs give equal bytes.

    Raises PackFormatError when no reader would take it: too large, or with a value that is not finite.
    """
    document = {"format": FORMAT, "schema_version": PACK_SCHEMA} | asdict(pack.info)
    tensors = dict(pack.tensors)
    if pack.canary is not None:
        document[CANARY] = {"inputs": [_input(*texts) for texts in pack.canary.texts], "kernels": pack.canary.kernels}
        tensors[CANARY] = pack.canary.expected
    metadata = {METADATA_KEY: json.dumps(document, ensure_ascii=False, sort_keys=True)}
    where = f"pack {pack.info.task!r}"
    check_finite(tensors, where)
    data = bytes(safetensors.numpy.save(tensors, metadata=metadata))
    check_size(data, where)
    return data


def write_pack(pack: Pack, path: str | Path) -> Path:
    """Write a pack file atomically: a reader finds the old file or the whole new one. Raises PackError."""
    path = Path(path)
    data = serialize(pack)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, data)
    except OSError as error:
        raise PackError(f"cannot write {path} ({error.strerror or error}); what was there is unchanged") from None
    return path


def _input(text: str, text_pair: str | None) -> dict[str, str]:
    return {"text": text} if text_pair is None else {"text": text, "text_pair": text_pair}
