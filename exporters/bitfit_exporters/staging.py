"""Atomic replacement of a base or plain model: a reader finds the old one, the new one, or none, never half of one."""

import contextlib
import glob
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from bitfit_exporters.errors import OutputError
from bitfit_runtime.formats.schema import MANIFEST_FILE


def is_base(folder: Path) -> bool:
    """Whether a folder holds a base."""
    return (folder / MANIFEST_FILE).is_file()


@contextlib.contextmanager
def staged(output: Path, is_earlier: Callable[[Path], bool] = is_base, kind: str = "a base") -> Iterator[Path]:
    """Yield an empty folder beside `output` that replaces it when the block ends well, and is removed otherwise.

    Folders that killed exports left behind are removed first. Raises OutputError when `output` is something other
    than what `is_earlier` knows, a folder of that `kind`, or an empty one, or cannot be written. A link is followed.
    """
    output = Path(os.path.realpath(output))
    if output.exists() and not _replaceable(output, is_earlier):
        raise OutputError(f"{output} exists and is not {kind}; choose another `output`, or remove it first")
    staging = None
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        for leftover in output.parent.glob(f".{glob.escape(output.name)}.partial-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{output.name}.partial-", dir=output.parent))
        staging.chmod(0o755)
        yield staging
        _swap(staging, output)
    except OSError as error:
        raise OutputError(f"cannot write {output} ({error.strerror or error}); what was there is unchanged") from error
    finally:
        if staging is not None:
            shutil.rmtree(staging, ignore_errors=True)


def _replaceable(output: Path, is_earlier: Callable[[Path], bool]) -> bool:
    return output.is_dir() and (is_earlier(output) or not any(output.iterdir()))


def _swap(staging: Path, output: Path) -> None:
    if not output.exists():
        staging.rename(output)
        return
    old = staging.with_name(f"{staging.name}-old")
    output.rename(old)
    try:
        staging.rename(output)
    except OSError:
        old.rename(output)
        raise
    shutil.rmtree(old, ignore_errors=True)
