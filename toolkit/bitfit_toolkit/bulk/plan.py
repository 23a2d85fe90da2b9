"""The plan of bulk answers: which parts, by which packs of which base, to where."""

import glob
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bitfit_runtime import Base
from bitfit_runtime.arguments import whole_number
from bitfit_runtime.engine import MOST_THREADS
from bitfit_runtime.errors import InputError, UnknownTaskError, first_line
from bitfit_runtime.formats import LIMITS
from bitfit_toolkit.bulk.sources import ENDINGS, is_source
from bitfit_toolkit.errors import DataError, PlaceError
from bitfit_toolkit.places import file_system, is_address, joined, list_place, read_place

PACK_ENDING: Final = ".safetensors"
OUTPUT_ENDING: Final = ".parquet"
UNANSWERED: Final = "unanswered"


@dataclass(frozen=True, slots=True)
class BulkOptions:
    """How rows are read and answered: by the task that a column names, or each by all of `tasks`.

    `memory_limit` bounds a worker's bytes beside Python and the libraries; it decides about no answer.
    """

    task_column: str | None = None
    tasks: tuple[str, ...] = ()
    text_column: str | None = None
    text_pair_column: str | None = None
    text_encoding: str | None = None
    threads: int = 1
    memory_limit: int | None = None

    def check(self) -> None:
        """Raise InputError where the options say too little or too much."""
        if (self.task_column is None) != bool(self.tasks):
            raise InputError("give either task_column, the column that names each row's pack, or tasks")
        whole_number(self.threads, "threads", 1, MOST_THREADS)
        if len(set(self.tasks)) < len(self.tasks):
            raise InputError("a task is named twice in tasks; name each task once")


@dataclass(frozen=True, slots=True)
class Part:
    """A file of input, how it looked when the work was planned, and the name of its output."""

    source: str
    state: str
    name: str

    @property
    def aside(self) -> str:
        """The name of what has its rows without an answer."""
        return f"{UNANSWERED}/{self.name}"


@dataclass(frozen=True, slots=True)
class BulkPlan:
    """All that decides about the answers. `packs` has the SHA-256 of each pack's file by task."""

    base_digest: str
    folder: str
    packs: Mapping[str, str]
    parts: tuple[Part, ...]
    options: BulkOptions
    output: str

    @property
    def digest(self) -> str:
        """SHA-256 of all that decides about the output's bytes: hexadecimal."""
        options = self.options
        said = {
            "base": self.base_digest,
            "packs": dict(sorted(self.packs.items())),
            "parts": [(part.source, part.state, part.name) for part in self.parts],
            "asked": (options.task_column, options.tasks, options.threads),
            "columns": (options.text_column, options.text_pair_column, options.text_encoding),
        }
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def plan_bulk(base: Base, packs: str, pattern: str, output: str, options: BulkOptions) -> BulkPlan:
    """Look at the packs and the input. Raises DataError, InputError, UnknownTaskError and PlaceError."""
    options.check()
    found = _packs(packs)
    missing = [task for task in options.tasks if task not in found]
    if missing:
        raise UnknownTaskError(f"{packs} has no pack {missing[0]}{PACK_ENDING}; train it, or leave the task out")
    if options.tasks:
        found = {task: found[task] for task in options.tasks}
    return BulkPlan(base.manifest.digest, packs, found, _parts(pattern), options, output)


def _packs(folder: str) -> dict[str, str]:
    names = [name.removesuffix(PACK_ENDING) for name in list_place(folder) if name.endswith(PACK_ENDING)]
    found: dict[str, str] = {}
    for name in names:
        if 1 <= len(name) <= LIMITS.task_name_characters:
            data = read_place(joined(folder, name + PACK_ENDING))
            found |= {} if data is None else {name: hashlib.sha256(data).hexdigest()}
    if not found:
        raise DataError(f"{folder} holds no pack; name the folder of files TASK{PACK_ENDING}")
    return found


def _parts(pattern: str) -> tuple[Part, ...]:
    states = _addresses(pattern) if is_address(pattern) else _files(pattern)
    if not states:
        raise DataError(f"no file matches {pattern}; check the pattern, and quote it from the shell")
    wrong = [source for source in states if not is_source(source)]
    if wrong:
        raise DataError(f"{wrong[0]} should end in {', '.join(ENDINGS)}; convert it, or narrow the pattern")
    root = _fixed(pattern)
    parts = tuple(Part(source, states[source], _name(source, root)) for source in sorted(states))
    taken: dict[str, str] = {}
    for part in parts:
        for name in (part.name, part.aside):
            other = taken.setdefault(name, part.source)
            if other != part.source:
                raise DataError(f"{other} and {part.source} would both become {name}; rename one of them")
    return parts


def _files(pattern: str) -> dict[str, str]:
    """Return the files that match, with size and time of the last change."""
    found = {}
    for name in glob.iglob(pattern, recursive=True):  # noqa: PTH207 (patterns may be absolute)
        if Path(name).is_file():
            stat = Path(name).stat()
            found[name] = f"{stat.st_size}@{stat.st_mtime_ns}"
    return found


def _addresses(pattern: str) -> dict[str, str]:
    system, path = file_system(pattern)
    try:
        found = system.glob(path, detail=True)
        kept = {name: info for name, info in found.items() if info.get("type") == "file"}
        return {system.unstrip_protocol(name): str(system.ukey(name)) for name in kept}
    except Exception as error:
        raise PlaceError(
            f"{pattern} cannot be listed ({first_line(error)}); check the address and its rights"
        ) from None


def _fixed(pattern: str) -> str:
    """Return the folder above the first part of a pattern that is one: outputs are named below it."""
    kept: list[str] = []
    for part in pattern.split("/")[:-1]:
        if glob.has_magic(part):
            break
        kept.append(part)
    return "/".join(kept)


def _name(source: str, root: str) -> str:
    """Return the name of a part's output, in folders as the input has them."""
    inner = source.removeprefix(root).lstrip("/") if source.startswith(root) else os.path.basename(source)  # noqa: PTH119
    return inner if inner.endswith(OUTPUT_ENDING) else inner + OUTPUT_ENDING
