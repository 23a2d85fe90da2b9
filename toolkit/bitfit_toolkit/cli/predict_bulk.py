"""`bitfit predict --packs`: answers to files of rows, into a folder, here or on Ray."""

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from bitfit_runtime import Base
from bitfit_toolkit.cli.output import bar, print_json, print_pairs, raise_first, say

if TYPE_CHECKING:
    from bitfit_toolkit.bulk import BulkPlan, Part, PartReport

MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class BulkFlags:
    """What only bulk answers take; None is what each option's help says."""

    packs: str | None = None
    output: str | None = None
    task_column: str | None = None
    memory_limit: int | None = None
    ray: str | None = None
    workers: int | None = None


def answer_files(
    base: Path, flags: BulkFlags, source: str | None, tasks: str | None, columns: dict[str, Any], json: bool
) -> None:
    """Answer the files that match, and print what came of them. `columns` are those of `BulkOptions`, and its threads.

    Raises the first error of a part that failed after all others were answered.
    """
    from bitfit_toolkit.bulk import BulkOptions, Summary, begin, plan_bulk

    if source is None or flags.output is None:
        missing = "--input" if source is None else "--output"
        raise typer.BadParameter("is missing: --packs answers the files of --input into --output", param_hint=missing)
    if flags.workers is not None and flags.ray is None:
        raise typer.BadParameter("belongs to --ray; without it one process answers", param_hint="--workers")
    names = tuple(name.strip() for name in tasks.split(",")) if tasks else ()
    limit = None if flags.memory_limit is None else flags.memory_limit * MEGABYTE
    options = BulkOptions(flags.task_column, names, memory_limit=limit, **columns)
    began = time.perf_counter()
    opened = Base.open(base)
    plan = plan_bulk(opened, str(flags.packs), source, flags.output, options)
    finished, waiting = begin(plan)
    reports = [*finished]
    try:
        with bar(json, "parts") as progress:
            progress(len(reports), len(plan.parts))
            for report in _reports(opened, plan, waiting, flags):
                reports.append(report)
                progress(len(reports), len(plan.parts))
    except KeyboardInterrupt:
        say(
            f"note: {len(reports)} of {len(plan.parts)} parts are finished; the same call goes on with the rest",
            err=True,
        )
        raise
    _show(Summary.of(reports, len(finished)), plan, time.perf_counter() - began, json)
    raise_first([report.failure for report in reports if report.failure is not None])


def _reports(base: Base, plan: "BulkPlan", waiting: "list[Part]", flags: BulkFlags) -> "Iterator[PartReport]":
    if flags.ray is None:
        from bitfit_toolkit.bulk import answer_here

        return answer_here(base, plan, waiting)
    from bitfit_toolkit.bulk.on_ray import answer_on_ray

    return answer_on_ray(base, plan, waiting, flags.ray, flags.workers)


def _show(summary: Any, plan: "BulkPlan", seconds: float, json: bool) -> None:
    if summary.kernels > 1:
        say(f"note: {summary.kernels} kinds of processors answered; between them the last bits may differ", err=True)
    if json:
        print_json({"output": plan.output, **asdict(summary), "seconds": round(seconds, 3)})
        return
    print_pairs(
        [
            ("output", plan.output),
            ("parts", f"{summary.parts} of {len(plan.parts)}, {summary.found} of them finished before"),
            ("rows", f"{summary.rows:,}"),
            ("answers", f"{summary.answers:,}"),
            (
                "unanswered",
                f"{summary.unanswered:,}" + (f", in {plan.output}/unanswered" if summary.unanswered else ""),
            ),
            ("seconds", f"{seconds:.1f}"),
        ]
    )
