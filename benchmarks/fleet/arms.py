"""Ways to train a fleet of synthetic tenants: plain processes, Ray with one and two nodes, and with nodes that die."""

import multiprocessing
import shutil
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bitfit_runtime import Base
from bitfit_toolkit import TrainOptions, read_run_configs
from bitfit_toolkit.fleet import Fleet, Ledger, Settings, plan_fleet, train_here
from bitfit_toolkit.fleet.on_ray import train_on_ray
from fleet.cpu_time import CpuTime
from fleet.nodes import Kill, Killer, nodes
from support.fleets import digests

AT_WORK = "ray::_train_group"  # how Ray names a process that trains


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a fleet: the digest of each pack, and the groups in the order in which they were put into place.

    `seconds` are with the start of workers and without a cluster's, `packs_a_second` those between the first group and
    the last.
    """

    seconds: float
    packs_a_second: float
    cpu_seconds: float
    packs: dict[str, str]
    finished: tuple[int, ...]
    in_ledger: int
    kills: Sequence[Kill] = ()

    @property
    def twice(self) -> int:
        """How many groups were put into place more than once."""
        return sum(count > 1 for count in Counter(self.finished).values())


def plan(base: Path, tasks: Path) -> Fleet:
    """Return the fleet of a file of tasks, its folder of packs empty, one thread a group."""
    shutil.rmtree(tasks.parent / "packs", ignore_errors=True)
    configs = read_run_configs(tasks, TrainOptions())
    return plan_fleet(tasks, configs, Base.open(base).manifest.digest, threads=1)


def plain(base: Path, tasks: Path, processes: int) -> Outcome:
    """Train without Ray in so many processes, each with every so-manieth group."""
    fleet = plan(base, tasks)
    Ledger.begin(fleet)
    context = multiprocessing.get_context("spawn")
    with CpuTime() as cpu:
        began = time.perf_counter()
        running = [context.Process(target=train_share, args=(base, tasks, n, processes)) for n in range(processes)]
        for process in running:
            process.start()
        for process in running:
            process.join()
        seconds = time.perf_counter() - began
    return outcome(fleet, tasks, seconds, cpu.seconds, [group.number for group in fleet.groups])


def train_share(base: Path, tasks: Path, share: int, shares: int) -> None:
    """Train one process's groups."""
    configs = read_run_configs(tasks, TrainOptions())
    opened = Base.open(base)
    fleet = plan_fleet(tasks, configs, opened.manifest.digest, threads=1)
    others = frozenset(group.number for group in fleet.groups if group.number % shares != share)
    for trained in train_here(opened, Ledger(fleet, others)):
        if trained.failure is not None:
            raise trained.failure


def on_ray(base: Path, tasks: Path, workers: int, kills: int = 0) -> Outcome:
    """Train on a cluster of so many nodes, of which some die."""
    fleet = plan(base, tasks)
    finished: list[int] = []
    with nodes(workers) as cluster, CpuTime() as cpu:
        began = time.perf_counter()
        with Killer(cluster, len(fleet.groups), kills, AT_WORK) as killer:
            for trained in train_on_ray(Base.open(base), Ledger.begin(fleet), cluster.address, Settings()):
                if trained.failure is not None:
                    raise trained.failure
                finished.append(trained.number)
                killer.tell(len(finished))
            seconds = time.perf_counter() - began
    return replace(outcome(fleet, tasks, seconds, cpu.seconds, finished), kills=killer.kills)


def outcome(fleet: Fleet, tasks: Path, seconds: float, cpu: float, finished: Sequence[int]) -> Outcome:
    """Return what lies there after a fleet was trained."""
    in_ledger = len(fleet.groups) - len(Ledger.resume(fleet).waiting)
    packs = digests(tasks.parent / "packs")
    times = sorted(path.stat().st_mtime for path in Path(fleet.ledger).glob("group-*"))
    rate = len(packs) * (1 - 1 / len(times)) / (times[-1] - times[0])
    return Outcome(seconds, rate, cpu, packs, tuple(finished), in_ledger)
