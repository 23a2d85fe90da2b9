"""One part, answered: what a worker does, here or elsewhere. A part may be repeated: it gives the same bytes."""

import platform
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bitfit_runtime import Base, BitfitError, Engine
from bitfit_runtime.errors import InputError
from bitfit_toolkit.bulk.plan import BulkPlan, Part
from bitfit_toolkit.bulk.reading import read_part
from bitfit_toolkit.bulk.scoring import Scorer
from bitfit_toolkit.bulk.shelf import Shelf
from bitfit_toolkit.bulk.writing import (
    KERNELS_KEY,
    PLAN_KEY,
    ROWS_KEY,
    UNANSWERED_KEY,
    Sink,
    answer_rows,
    answer_schema,
    unanswered_rows,
    unanswered_schema,
)
from bitfit_toolkit.errors import DataError
from bitfit_toolkit.places import fetched, joined

WORK_BYTES: Final = 48_000_000  # of a limit, for rows that are read, answered and not yet written


@dataclass(frozen=True, slots=True)
class PartReport:
    """What came of a part. `rows` are the input's, `answers` and `unanswered` are counted by row and task.

    `kernels` names what computed it: parts with equal ones agree to the bit.
    """

    part: Part
    rows: int = 0
    answers: int = 0
    unanswered: int = 0
    kernels: str = ""
    seconds: float = 0.0
    machine: str = ""
    failure: BitfitError | None = None


@dataclass(frozen=True, slots=True)
class Summary:
    """All parts together; `found` of them were finished before."""

    parts: int
    found: int
    rows: int
    answers: int
    unanswered: int
    kernels: int

    @classmethod
    def of(cls, reports: Iterable[PartReport], found: int) -> "Summary":
        """Add up reports."""
        done = [report for report in reports if report.failure is None]
        rows, answers = sum(report.rows for report in done), sum(report.answers for report in done)
        unanswered = sum(report.unanswered for report in done)
        return cls(len(done), found, rows, answers, unanswered, len({report.kernels for report in done}))


class Worker:
    """One engine, which answers one part after another."""

    def __init__(self, base: Base, plan: BulkPlan) -> None:
        """Load the base. Raises BaseError, InputError where the limit is too low."""
        limit = plan.options.memory_limit
        inner = None if limit is None else limit - WORK_BYTES
        if inner is not None and inner < 1:
            raise InputError(f"`memory_limit` should leave {WORK_BYTES:,} bytes for rows, found {limit:,}; raise it")
        try:
            self._engine = Engine(base, threads=plan.options.threads, memory_limit=inner)
        except InputError as error:
            if inner is None:
                raise
            raise InputError(
                f"a worker keeps {WORK_BYTES:,} bytes of `memory_limit` for rows; of the rest: {error}"
            ) from None
        self._plan = plan
        self.shelf = Shelf(self._engine, plan, inner)
        self._kernels = self._engine.kernel_fingerprint

    def answer(self, part: Part) -> PartReport:
        """Answer a part and put its output into place. An input that cannot be read is the report's failure.

        Raises PlaceError where the output cannot be written, FleetError where packs have changed, InputError.
        """
        began = time.perf_counter()
        try:
            rows, answers, unanswered = self._written(part)
        except DataError as error:
            return PartReport(part, failure=error, machine=platform.node())
        seconds = time.perf_counter() - began
        return PartReport(part, rows, answers, unanswered, self._kernels, seconds, platform.node())

    def _written(self, part: Part) -> tuple[int, int, int]:
        plan, scorer, rows = self._plan, Scorer(self._engine, self.shelf), 0
        output, aside = joined(plan.output, part.name), joined(plan.output, part.aside)
        with (
            tempfile.TemporaryDirectory(prefix="bitfit-part-") as folder,
            Sink(output, answer_schema()) as sink,
            Sink(aside, unanswered_schema()) as side,
        ):
            path = fetched(part.source, Path(folder))
            for items in read_part(path, part.source, plan.options, plan.packs):
                rows += len(items)
                answers, left = scorer.answer(items)
                sink.add(list(answer_rows(answers)))
                side.add(list(unanswered_rows(left)))
            metadata = {PLAN_KEY: plan.digest, KERNELS_KEY: self._kernels, ROWS_KEY: str(rows)}
            metadata[UNANSWERED_KEY] = str(side.rows)
            if side.rows:
                side.place(metadata)
            sink.place(metadata)  # last: with it the part is finished
            return rows, sink.rows, side.rows
