"""The groups of a fleet, one after another on this machine."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from bitfit_runtime import Base
from bitfit_toolkit.errors import TrainingError
from bitfit_toolkit.fleet.groups import Group
from bitfit_toolkit.fleet.ledger import Ledger
from bitfit_toolkit.fleet.work import TrainedGroup, train_group
from bitfit_toolkit.places import is_address
from bitfit_toolkit.training.shared.train import load_runs

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Settings:
    """How groups are handed to workers: their most at a time, None as many as fit, and the GPUs of each."""

    workers: int | None = None
    gpus: float = 0.0

    def check(self) -> None:
        """Raise TrainingError on what no cluster has."""
        if self.workers is not None and self.workers < 1:
            raise TrainingError(
                f"`workers` should be at least 1, found {self.workers}; change the option and try again"
            )
        if not self.gpus >= 0:
            raise TrainingError(f"`gpus` should be 0 or more, found {self.gpus}; change the option and try again")


def check_here(base: Base, groups: Iterable[Group]) -> None:
    """Read and check what groups learn from, but for what lies at an address. Raises DataError and TrainingError."""
    for group in groups:
        load_runs(
            base, [run for run in group.runs if not any(map(is_address, (run.train, run.evaluation, run.output)))]
        )


def train_here(base: Base, ledger: Ledger, notify: Progress = lambda done, steps: None) -> Iterator[TrainedGroup]:
    """Train the groups that are waiting, and yield each once its packs are in place and the ledger says so.

    A group that fails is yielded with its failure, and the others go on. Raises PlaceError.
    """
    for group in ledger.waiting:
        trained = train_group(base, group, ledger.fleet.at_once, ledger.fleet.threads, notify)
        ledger = ledger.finish(trained)
        yield trained
