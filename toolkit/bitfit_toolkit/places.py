"""Places: a path of this machine, or an address that fsspec understands (`s3://…`, `gs://…`, `memory://…`)."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from bitfit_runtime.errors import BitfitError, MissingExtraError, first_line
from bitfit_runtime.files import make_folder, write_output
from bitfit_toolkit.errors import PlaceError


def is_address(place: object) -> bool:
    """Whether a place is an address, and not a path of this machine."""
    return isinstance(place, str) and "://" in place


def placed(folder: Path, place: str) -> str | Path:
    """Return a place that a file in `folder` names: an address as it is, a path relative to the folder."""
    return place if is_address(place) else folder / place


def joined(folder: str, name: str) -> str:
    """Return the place of that name in a folder."""
    return f"{folder.rstrip('/')}/{name}" if is_address(folder) else str(Path(folder) / name)


def beside(place: str, name: str) -> str:
    """Return the place of that name in the folder of a file."""
    return f"{place.rpartition('/')[0]}/{name}" if is_address(place) else str(Path(place).with_name(name))


def common_folder(places: Sequence[str]) -> str:
    """Return the folder that all places lie in, the first one's where they have none in common."""
    kinds = {place.partition("://")[0] if is_address(place) else "" for place in places}
    if kinds == {""}:
        return os.path.commonpath([os.path.abspath(os.path.dirname(place)) for place in places])  # noqa: PTH100, PTH120
    first = PurePosixPath(places[0].partition("://")[2]).parent
    if len(kinds) == 1:
        parts = [PurePosixPath(place.partition("://")[2]).parent for place in places]
        first = next(folder for folder in (first, *first.parents) if all(part.is_relative_to(folder) for part in parts))
    return f"{places[0].partition('://')[0]}://{str(first).removeprefix('.')}" if is_address(places[0]) else str(first)


def read_place(place: str | Path) -> bytes | None:
    """Return what lies there, None where nothing does. Raises PlaceError."""
    with _said(place, "read", "check the address and its rights"):
        try:
            if not is_address(place):
                return Path(place).read_bytes()
            system, path = file_system(str(place))
            found: bytes = system.cat_file(path)
            return found
        except FileNotFoundError:
            return None


def write_place(place: str | Path, data: bytes) -> None:
    """Write a file whole or not at all, and the folders above it. Raises PlaceError."""
    with _said(place, "written", "name a place that can be written"):
        if not is_address(place):
            make_folder(Path(place).parent)
            write_output(Path(place), data)
            return
        system, path = file_system(str(place))
        system.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH120
        temporary = f"{path}.part"
        system.pipe_file(temporary, data)
        system.mv(temporary, path)


def list_place(folder: str) -> list[str]:
    """Return the names of the files in a folder, sorted; none where there is no such folder. Raises PlaceError."""
    with _said(folder, "listed", "check the address and its rights"):
        if not is_address(folder):
            return sorted(path.name for path in Path(folder).iterdir()) if Path(folder).is_dir() else []
        system, path = file_system(folder)
        if not system.exists(path):
            return []
        return sorted(found.rstrip("/").rpartition("/")[2] for found in system.ls(path, detail=False))


def remove_place(place: str) -> None:
    """Remove a file. Raises PlaceError."""
    with _said(place, "removed", "check its rights"):
        if not is_address(place):
            Path(place).unlink(missing_ok=True)
            return
        system, path = file_system(place)
        system.rm_file(path)


def fetched(place: str | Path, folder: Path) -> Path:
    """Return a file of this machine with what lies there: itself, or a copy in `folder`. Raises PlaceError."""
    if not is_address(place):
        return Path(place)
    data = read_place(place)
    if data is None:
        raise PlaceError(f"{place} should be a file of examples, found nothing there; correct the file of tasks")
    folder.mkdir(parents=True, exist_ok=True)
    copy = folder / Path(str(place)).name
    copy.write_bytes(data)
    return copy


def file_system(place: str) -> tuple[Any, str]:
    """Return the file system of an address, and the path there. Raises MissingExtraError, PlaceError."""
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise MissingExtraError.from_import("a place that is an address", error, "ray") from None
    with _said(place, "reached", "check the address"):
        system, path = url_to_fs(place)
        return system, path


def reason(error: Exception) -> str:
    """Return in one line what the system or a library says went wrong."""
    return (error.strerror if isinstance(error, OSError) else None) or first_line(error)


@contextmanager
def _said(place: str | Path, done: str, remedy: str) -> Iterator[None]:
    """Raise PlaceError for whatever goes wrong at a place: file systems share no class of errors."""
    try:
        yield
    except BitfitError:
        raise
    except Exception as error:
        raise PlaceError(f"{place} cannot be {done} ({reason(error)}); {remedy}") from None
