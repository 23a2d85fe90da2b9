"""All points of a case, and the row of the table that they make."""

import errno
import itertools
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from unittest import mock

from security.faults.calls import TAKES_SPACE, Fault
from security.faults.disk import LOSSES, fingerprint
from security.faults.trial import Case, attempt, discard, images

ERRORS: Final = (errno.ENOSPC, errno.EIO, errno.EACCES)


@dataclass
class Row:
    """What was tried of one operation, and what was found: lines that say at which fault, and what."""

    operation: str
    calls: int = 0
    kills: int = 0
    power_losses: int = 0
    errors: int = 0
    states: int = 0  # different contents of the folders among them, each restarted on
    torn: list[str] = field(default_factory=list)
    lowered: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    past: list[str] = field(default_factory=list)

    @property
    def found(self) -> list[str]:
        return [*self.torn, *self.lowered, *self.stuck, *self.past]


def sweep(case: Case, folder: Path, step: int = 1, until_found: bool = False) -> Row:
    """Try a case with every fault at every call, or with one in `step` of these; `until_found` ends at a finding."""
    row, known = Row(case.name), set[str]()
    whole = attempt(case, folder / "whole", None)
    assert not whole.stuck, whole.stuck
    row.calls = len(whole.calls)
    row.past += whole.past
    judge(case, folder / "whole", "no fault", row, known)
    for fault in faults(whole.calls, step):
        if until_found and row.found:
            break
        _try(case, folder / "tried", fault, row, known)
    row.states = len(known)
    return row


def faults(calls: Sequence[str], step: int) -> Iterator[Fault]:
    """Death and every error at each call, and a disk that is full from there on; one in `step` of all these."""

    def every() -> Iterator[Fault]:
        for point, call in enumerate(calls):
            yield Fault(point)
            yield from (Fault(point, error) for error in ERRORS)
            if call.split()[0] in TAKES_SPACE:
                yield Fault(point, errno.ENOSPC, lasting=True)

    return itertools.islice(every(), 0, None, step)


def _try(case: Case, folder: Path, fault: Fault, row: Row, known: set[str]) -> None:
    tried = attempt(case, folder, fault)
    if tried.died:
        row.kills += 1
    elif tried.struck:
        row.errors += 1
    row.power_losses += len(LOSSES) * (tried.died or tried.struck)
    row.past += tried.past
    where = f"{case.name}: {fault.name} ({tried.calls[fault.point] if tried.struck else 'not reached'})"
    if tried.stuck:
        row.stuck.append(f"{where}: {tried.stuck}")
    judge(case, folder, where, row, known)


def judge(case: Case, folder: Path, where: str, row: Row, known: set[str]) -> None:
    """Restart on what was left in `folder` and on its images, note what is wrong, and remove them."""
    for loss, image in images(folder):
        if (state := fingerprint(image)) in known:
            continue
        known.add(state)
        with mock.patch.object(os, "fsync", lambda handle: None):  # nothing is lost any more
            verdict = case.judge(image)
        for name in ("torn", "lowered", "stuck"):
            if problem := getattr(verdict, name):
                getattr(row, name).append(f"{where}, lost: {loss}: {problem}")
    discard(folder)


def table(rows: Sequence[Row]) -> str:
    """The rows in Markdown, and their sums."""
    lines = [
        "| operation | calls | kills | errors | losses of power | states restarted on | torn | lowered | stuck |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        numbers = (row.calls, row.kills, row.errors, row.power_losses, row.states)
        wrong = (len(row.torn), len(row.lowered), len(row.stuck))
        lines.append("| " + " | ".join([row.operation, *(f"{number:,}" for number in (*numbers, *wrong))]) + " |")
    return "\n".join(lines) + "\n"
