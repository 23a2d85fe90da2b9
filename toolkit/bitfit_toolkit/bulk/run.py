"""Bulk answers on this machine, and what was finished before."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from bitfit_runtime import Base
from bitfit_runtime.files import TEMPORARY_PREFIX
from bitfit_toolkit.bulk.plan import OUTPUT_ENDING, BulkPlan, Part
from bitfit_toolkit.bulk.work import PartReport, Worker
from bitfit_toolkit.bulk.writing import KERNELS_KEY, PLAN_KEY, ROWS_KEY, UNANSWERED_KEY
from bitfit_toolkit.data.arrow_files import pyarrow
from bitfit_toolkit.errors import FleetError
from bitfit_toolkit.places import file_system, is_address, joined, read_place, write_place

PLAN: Final = "bitfit-plan.json"


def begin(plan: BulkPlan) -> tuple[list[PartReport], list[Part]]:
    """Return what an earlier run of the same plan finished, and the parts that wait.

    Writes the plan, or compares it with the one that is there, and removes what a killed run left half written.
    Raises FleetError where something else was begun there, PlaceError.
    """
    place = joined(plan.output, PLAN)
    there = read_place(place)
    if there not in (None, _document(plan)) and _holds_answers(plan.output):
        raise FleetError(
            f"the base, the packs, the input or options differ from those that {plan.output} was begun with; restore "
            "them to go on, or name another output"
        )
    if there != _document(plan):
        write_place(place, _document(plan))
    sweep(plan)
    finished, waiting = list[PartReport](), list[Part]()
    for part in plan.parts:
        report = _finished(plan, part)
        if report is None:
            waiting.append(part)
        else:
            finished.append(report)
    return finished, waiting


def sweep(plan: BulkPlan) -> None:
    """Remove what killed workers left half written. At an address there is nothing such."""
    if not is_address(plan.output):
        for left in Path(plan.output).rglob(f"{TEMPORARY_PREFIX}*"):
            left.unlink(missing_ok=True)


def answer_here(base: Base, plan: BulkPlan, waiting: list[Part]) -> Iterator[PartReport]:
    """Answer the parts that wait, one after another, and yield each once its output is in place.

    Raises BaseError, InputError, FleetError and PlaceError.
    """
    if waiting:
        worker = Worker(base, plan)
        yield from map(worker.answer, waiting)


def _holds_answers(output: str) -> bool:
    """Whether anything was answered; else a call that is corrected may begin there."""
    if not is_address(output):
        return any(Path(output).rglob(f"*{OUTPUT_ENDING}"))
    system, path = file_system(output)
    return any(str(name).endswith(OUTPUT_ENDING) for name in system.find(path))


def _document(plan: BulkPlan) -> bytes:
    return f'{{"digest": "{plan.digest}", "base": "{plan.base_digest}", "parts": {len(plan.parts)}}}\n'.encode()


def _finished(plan: BulkPlan, part: Part) -> PartReport | None:
    """Return what is in place of a part. Raises FleetError where it is not ours."""
    place = joined(plan.output, part.name)
    found = _metadata(place)
    if found is None:
        return None
    said, answers = found
    if said.get(PLAN_KEY) != plan.digest.encode():
        raise FleetError(f"{place} was not written by this work; move it away, or name another output")
    rows, unanswered = (int(said.get(key, b"0")) for key in (ROWS_KEY, UNANSWERED_KEY))
    return replace(
        PartReport(part), rows=rows, answers=answers, unanswered=unanswered, kernels=said[KERNELS_KEY].decode()
    )


def _metadata(place: str) -> tuple[dict[bytes, bytes], int] | None:
    """Return the metadata of a Parquet file and its rows, None where there is none."""
    from pyarrow import parquet

    system: Any = None
    if is_address(place):
        system, place = file_system(place)
    if not (system.exists(place) if system else Path(place).is_file()):
        return None
    try:
        found = parquet.read_metadata(place, filesystem=system)
    except (OSError, ValueError, pyarrow().ArrowException):
        return {}, 0
    return dict(found.metadata or {}), found.num_rows
