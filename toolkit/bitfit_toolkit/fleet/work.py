"""One group, trained: what a worker does, here or on another machine, and what it hands back."""

import hashlib
import platform
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from bitfit_runtime import Base, BitfitError
from bitfit_toolkit.cards.facts import facts_file
from bitfit_toolkit.fleet.groups import Group
from bitfit_toolkit.places import fetched
from bitfit_toolkit.training.shared.config import RunConfig
from bitfit_toolkit.training.shared.train import train_shared
from bitfit_toolkit.training.train import TrainReport


@dataclass(frozen=True, slots=True)
class TrainedPack:
    """A pack as bytes, the place where it belongs, and the report of its training.

    `facts` are the bytes of what its card says of that, None where none were asked for.
    """

    output: str
    data: bytes
    report: TrainReport
    facts: bytes | None = None

    @classmethod
    def of(cls, report: TrainReport, output: str) -> "TrainedPack":
        """Read what a run wrote that is to be placed at `output`."""
        pack = Path(report.pack)
        facts = facts_file(pack)
        return cls(
            output,
            pack.read_bytes(),
            replace(report, pack=output),
            facts.read_bytes() if facts.exists() else None,
        )

    @property
    def digest(self) -> str:
        """SHA-256 of the bytes, hexadecimal."""
        return hashlib.sha256(self.data).hexdigest()


@dataclass(frozen=True, slots=True)
class TrainedGroup:
    """What came of a group: all of its packs, or those that could be made and why not all.

    `seconds` are the worker's.
    """

    number: int
    packs: tuple[TrainedPack, ...]
    failure: BitfitError | None
    seconds: float
    machine: str


def train_group(
    base: Base,
    group: Group,
    at_once: int | None,
    threads: int,
    notify: Callable[[int, int], None] = lambda done, steps: None,
) -> TrainedGroup:
    """Train a group with so many threads, 0 those that torch has, and return its packs; nothing is written elsewhere.

    An error of ours is handed back, since other groups go on; so are the packs of runs that did not fail.
    """
    began = time.perf_counter()
    before = torch.get_num_threads()
    torch.set_num_threads(threads or before)
    packs: list[TrainedPack] = []
    failure: BitfitError | None = None
    with tempfile.TemporaryDirectory(prefix="bitfit-group-") as name:
        try:
            runs = [_here(run, Path(name) / str(index)) for index, run in enumerate(group.runs)]
            written = {str(run.output): output for run, output in zip(runs, group.outputs, strict=True)}
            for report in train_shared(base, runs, at_once, notify):
                packs.append(TrainedPack.of(report, written[report.pack]))
        except BitfitError as error:
            failure = error
        finally:
            torch.set_num_threads(before)
    packs.sort(key=lambda pack: group.outputs.index(pack.output))
    return TrainedGroup(group.number, tuple(packs), failure, time.perf_counter() - began, platform.node())


def _here(run: RunConfig, folder: Path) -> RunConfig:
    """Return a run whose data are on this machine, and whose pack goes into a folder of its own."""
    folder.mkdir()
    train = fetched(run.train, folder / "train") if isinstance(run.train, str) else run.train
    evaluation = fetched(run.evaluation, folder / "eval") if isinstance(run.evaluation, str) else run.evaluation
    return replace(run, train=train, evaluation=evaluation, output=folder / Path(run.output).name)
