"""`bitfit train --many`: many packs, here or on Ray."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer

import bitfit_toolkit
from bitfit_runtime import Base, BitfitError
from bitfit_toolkit.cli.output import bar, print_json, print_notes, print_table, raise_first, say
from bitfit_toolkit.cli.train_options import at_command_line
from bitfit_toolkit.reports.lines import rate_of
from bitfit_toolkit.training.options import TrainOptions

if TYPE_CHECKING:
    from bitfit_toolkit.fleet import Fleet, Ledger, TrainedGroup
    from bitfit_toolkit.training.train import TrainReport

COLUMNS: Final = ("task", "metric", "engine", "torch", "from layer", "learning rate", "seed", "encoding", "kB", "pack")


@dataclass(frozen=True, slots=True)
class ManyOptions:
    """How the runs of a file of tasks are gone through; None is what each option's help says."""

    at_once: int | None = None
    group_size: int | None = None
    threads: int | None = None
    ray: str | None = None
    workers: int | None = None
    gpus: float | None = None
    dry_run: bool = False


def train_together(base: Path, many: Path, options: TrainOptions, how: ManyOptions, json: bool) -> None:
    """Train the runs of a TOML file, and print a line of JSON for each pack that is in place, or a table of them all.

    What was trained before an error is in the table too. Raises the first error of a group that failed after all others
    were trained.
    """
    from bitfit_toolkit.fleet import DEFAULT_GROUP_SIZE, Ledger, check_here, plan_fleet

    for flag, value in (("--workers", how.workers), ("--gpus", how.gpus)):
        if how.ray is None and value is not None:
            raise typer.BadParameter("belongs to --ray; without it one process trains", param_hint=flag)
    resume = options.resume_from_checkpoint
    options = replace(options, resume_from_checkpoint=False)
    configs = bitfit_toolkit.read_run_configs(many, options)
    opened = Base.open(base)
    threads = how.threads if how.threads is not None else 1 if how.ray else 0
    size = how.group_size or max(DEFAULT_GROUP_SIZE, how.at_once or 0)
    fleet = plan_fleet(many, configs, opened.manifest.digest, threads=threads, at_once=how.at_once, size=size)
    if how.dry_run:
        show_plan(fleet, json)
        return
    found = Ledger.resume(fleet) if resume else None
    if how.ray is None:  # before anything is begun anew
        check_here(opened, fleet.groups if found is None else found.waiting)
    ledger = found or Ledger.begin(fleet)
    if ledger.finished:
        say(f"note: {len(ledger.finished)} of {len(fleet.groups)} groups were finished before", err=True)
    show_groups(groups_of(opened, ledger, how, options), ledger, json)


def groups_of(base: Base, ledger: "Ledger", how: ManyOptions, options: TrainOptions) -> "Iterator[TrainedGroup]":
    """Yield the groups as they end."""
    if how.ray is None:
        from bitfit_toolkit.fleet import train_here

        with bar(not options.progress) as progress:
            yield from train_here(base, ledger, progress)
        return
    from bitfit_toolkit.fleet import Settings
    from bitfit_toolkit.fleet.on_ray import train_on_ray

    total, done = len(ledger.waiting), 0
    with bar(not options.progress, "groups") as progress:
        progress(0, total)
        for trained in train_on_ray(base, ledger, how.ray, Settings(how.workers, how.gpus or 0.0)):
            done += 1
            progress(done, total)
            yield trained


def show_groups(groups: "Iterator[TrainedGroup]", ledger: "Ledger", json: bool) -> None:
    """Print the packs of all groups, and raise the first failure at the end."""
    lines: list[tuple[str, ...]] = []
    failures: list[BitfitError] = []
    finished = len(ledger.finished)
    try:
        for group in groups:
            finished += group.failure is None
            if group.failure is not None:
                failures.append(group.failure)
            for pack in group.packs:
                lines.append(_row(pack.report))
                print_notes(map(at_command_line, pack.report.notes))
                if json:
                    print_json(pack.report.as_dict())
    except KeyboardInterrupt:
        say(
            f"note: {finished} of {len(ledger.fleet.groups)} groups are finished; --resume goes on with the rest",
            err=True,
        )
        raise
    finally:
        if lines and not json:
            print_table(COLUMNS, lines)
    raise_first(failures)


def show_plan(fleet: "Fleet", json: bool) -> None:
    """Print the groups."""
    if json:
        for group in fleet.groups:
            print_json({"group": group.number, "packs": list(group.outputs)})
        return
    rows = [
        (
            str(group.number),
            str(len(group.runs)),
            str(group.runs[0].options.max_length),
            str(group.runs[0].options.from_layer),
            _some([run.options.task for run in group.runs]),
        )
        for group in fleet.groups
    ]
    print_table(("group", "packs", "length", "first layer", "tasks"), rows)
    say(f"{sum(len(group.runs) for group in fleet.groups)} packs in {len(fleet.groups)} groups; ledger: {fleet.ledger}")


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:4]) + (" …" if len(names) > 4 else "")


def _row(report: "TrainReport") -> tuple[str, ...]:
    measured = (f"{report.engine[report.metric]:.4f}", f"{report.torch[report.metric]:.4f}")
    size = f"{report.pack_bytes / 1000:.1f}"
    rate = (rate_of(report), str(report.seed))
    return (report.task, report.metric, *measured, str(report.from_layer), *rate, report.encoding, size, report.pack)
