"""Files of a model's folder: each is what its name says before a library opens it."""

import json
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from transformers.utils import logging as transformers_logging

from bitfit_exporters.errors import CheckpointError

LONGEST_JSON: Final = 64 << 20
_POINTER, _PAGES = b"version https://git-lfs", (b"<!doctype", b"<html")


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Keep transformers from writing reports, bars and warnings inside the block: what matters is raised."""
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def check_content(path: Path, remedy: str = "download it again") -> None:
    """Refuse a file that cannot be read, is empty, or is what was put in its place. Raises CheckpointError."""
    try:
        with path.open("rb") as stream:
            start = stream.read(64)
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        reason = getattr(error, "strerror", None) or error
        raise CheckpointError(f"{path} cannot be read ({reason}); {remedy}") from None
    if not start:
        raise CheckpointError(f"{path} is empty; {remedy}")
    if start.startswith(_POINTER):
        raise CheckpointError(f"{path} is a Git-LFS pointer, not the file itself; run 'git lfs pull', or {remedy}")
    if start.lstrip().lower().startswith(_PAGES):
        raise CheckpointError(f"{path} is a web page, not the file itself; {remedy}")


def read_object(path: Path, remedy: str = "download it again") -> Mapping[str, Any]:
    """Return the object that a JSON file holds. Raises CheckpointError."""
    document = read_json(path, remedy)
    if not isinstance(document, dict):
        raise CheckpointError(f"{path} should hold a JSON object, found {type(document).__name__}; {remedy}")
    return document


def read_json(path: Path, remedy: str = "download it again") -> Any:
    """Return what a JSON file holds. Raises CheckpointError."""
    check_content(path, remedy)
    if path.stat().st_size > LONGEST_JSON:
        raise CheckpointError(f"{path} is larger than {LONGEST_JSON} bytes; {remedy}")
    try:
        return json.loads(path.read_bytes().decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else error
        raise CheckpointError(f"{path} is not JSON in UTF-8 ({reason}); {remedy}") from None
