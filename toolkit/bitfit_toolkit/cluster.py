"""A cluster of Ray, and the base on its nodes. Nothing here brings torch, which a worker that answers does not need."""

import hashlib
import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from bitfit_runtime import Base
from bitfit_runtime.errors import MissingExtraError, first_line
from bitfit_runtime.formats.schema import MANIFEST_FILE
from bitfit_toolkit.errors import ClusterError

LOCAL: Final = "local"
BaseFiles = dict[str, bytes]
_unpacked: dict[str, Base] = {}  # by the digest of the manifest, which has those of all files


@contextmanager
def cluster(address: str) -> Iterator[Any]:
    """Yield ray, connected, and let go of it at the end; a connection that was there stays.

    Raises MissingExtraError, ClusterError.
    """
    try:
        import ray
    except ImportError as error:
        raise MissingExtraError.from_import("`ray`", error, "ray") from None
    if ray.is_initialized():
        yield ray
        return
    try:
        own = {"include_dashboard": False} if address == LOCAL else {}
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, **own)
    except Exception as error:
        raise ClusterError(
            f"no cluster of Ray answers at {address} ({first_line(error)}); start one with `ray start --head`, or use "
            f"--ray {LOCAL}"
        ) from None
    try:
        yield ray
    finally:
        ray.shutdown()


def base_files(base: Base) -> BaseFiles:
    """Return the files of a base by name, as they go to workers."""
    found = sorted(path for path in base.folder.rglob("*") if path.is_file())
    return {str(path.relative_to(base.folder)): path.read_bytes() for path in found}


def unpacked(files: BaseFiles) -> Base:
    """Return a base of these files, written once by each worker."""
    digest = hashlib.sha256(files[MANIFEST_FILE]).hexdigest()
    if digest not in _unpacked:
        folder = Path(tempfile.mkdtemp(prefix=f"bitfit-base-{digest[:8]}-"))
        for name, data in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
        _unpacked[digest] = Base.open(folder)
    return _unpacked[digest]
