"""One attempt at an operation, in a process of its own, with one fault."""

import json
import os
import shutil
import traceback
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final, Protocol

from security.faults.calls import Calls, Fault
from security.faults.disk import LOSSES, Disk

KILLED: Final = 9


class Operation(Protocol):
    """What is tried, begun in a folder before faults begin. Its errors are `expected` ones or a finding."""

    expected: tuple[type[Exception], ...]

    def run(self) -> None: ...

    def go_on(self) -> None:
        """In the same process after an error: try again, and compare. Raises AssertionError."""


class Case(Protocol):
    """An operation and how to judge what it leaves."""

    name: str

    def prepare(self, folder: Path) -> None:
        """Fill a new folder with what was there before."""

    def start(self, folder: Path) -> Operation: ...

    def judge(self, folder: Path) -> "Verdict":
        """Restart on what was left, in this process, and go on."""


@dataclass(frozen=True)
class Verdict:
    """What was wrong, empty where nothing was."""

    torn: str = ""
    lowered: str = ""
    stuck: str = ""


@dataclass(frozen=True)
class Attempt:
    """What happened: the calls that were made, those that went past, the error, and what `go_on` found."""

    calls: Sequence[str]
    past: Sequence[str] = ()
    struck: bool = False
    died: bool = False
    error: str = ""
    stuck: str = ""


def attempt(case: Case, folder: Path, fault: Fault | None) -> Attempt:
    """Try the operation in `folder`, which must not exist; `images` says what is left."""
    folder.mkdir()
    case.prepare(folder)
    notes = folder.with_suffix(".json")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside threads, from Python 3.12 on
        child = os.fork()
    if child == 0:
        code = 1
        try:
            _try(case, folder, fault, notes)
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code not in (0, KILLED):
        raise RuntimeError(f"the harness failed at {case.name}, {fault and fault.name}")
    return replace(Attempt(**json.loads(notes.read_bytes())), died=code == KILLED)


def images(folder: Path) -> Iterator[tuple[str, Path]]:
    """What a process or a loss of power may leave, by the loss; "none" is a process that ended."""
    ended = _image(folder, "none")
    yield "none", ended if ended.exists() else folder
    yield from ((loss, path) for loss in LOSSES if (path := _image(folder, loss)).exists())


def discard(folder: Path) -> None:
    for path in (folder, *(image for _, image in images(folder))):
        shutil.rmtree(path, ignore_errors=True)
    folder.with_suffix(".json").unlink(missing_ok=True)


def _try(case: Case, folder: Path, fault: Fault | None, notes: Path) -> None:
    operation = case.start(folder)
    disk = Disk(folder)

    def write_images() -> None:
        for seed, loss in enumerate(LOSSES):
            disk.write_image(loss, len(calls.seen) * len(LOSSES) + seed, _image(folder, loss))

    def note(error: str = "", stuck: str = "") -> None:
        struck = fault is not None and len(calls.seen) > fault.point
        notes.write_text(json.dumps(asdict(Attempt(calls.seen, calls.past, struck, error=error, stuck=stuck))))

    def die() -> None:
        write_images()
        note()
        os._exit(KILLED)

    calls = Calls(folder, disk, fault, die)
    error = stuck = ""
    calls.begin()
    try:
        operation.run()
    except Exception as problem:
        error = f"{type(problem).__name__}: {problem}"
        stuck = "" if isinstance(problem, operation.expected) else f"no error of ours: {traceback.format_exc()}"
    calls.end()
    write_images()
    if fault is not None:
        shutil.copytree(folder, _image(folder, "none"))
        stuck = stuck or _problem(operation)
    note(error, stuck)


def _problem(operation: Operation) -> str:
    try:
        operation.go_on()
    except Exception:
        return traceback.format_exc()
    return ""


def _image(folder: Path, loss: str) -> Path:
    return folder.with_name(f"{folder.name}-{loss.replace(' ', '-')}")
