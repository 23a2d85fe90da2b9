"""Writing pack files, whole or not at all."""

import json
import os
import tempfile
from dataclasses import asdict
from pathlib import Path

import safetensors.numpy

from bitfit_runtime.contract import PACK_SCHEMA
from bitfit_runtime.errors import PackError
from bitfit_runtime.pack import Pack
from bitfit_runtime.pack_file import FORMAT, METADATA_KEY, check_finite


def serialize(pack: Pack) -> bytes:
    """Return the pack as the bytes of a `.safetensors` file. Equal packs give equal bytes."""
    document = {"format": FORMAT, "schema_version": PACK_SCHEMA} | asdict(pack.info)
    metadata = {METADATA_KEY: json.dumps(document, ensure_ascii=False, sort_keys=True)}
    check_finite(pack.tensors, f"pack {pack.info.task!r}")
    return bytes(safetensors.numpy.save(dict(pack.tensors), metadata=metadata))


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
