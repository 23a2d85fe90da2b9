"""The groups of a fleet on a cluster of Ray: workers train, and this process alone writes packs and the ledger.

Ray repeats a group whose node died. A group gives the same bytes wherever it runs, and is written once.
"""

from collections.abc import Iterator
from typing import Any, Final

from bitfit_runtime import Base, BitfitError
from bitfit_runtime.errors import first_line
from bitfit_toolkit.cluster import BaseFiles, base_files, cluster, unpacked
from bitfit_toolkit.errors import ClusterError
from bitfit_toolkit.fleet.groups import Group
from bitfit_toolkit.fleet.ledger import Ledger
from bitfit_toolkit.fleet.run import Settings
from bitfit_toolkit.fleet.work import TrainedGroup, train_group

RETRIES: Final = 10  # of a group whose node died
AHEAD: Final = 2  # groups for each place of the cluster that are handed over before others have ended


def train_on_ray(base: Base, ledger: Ledger, address: str, settings: Settings) -> Iterator[TrainedGroup]:
    """Train the groups that are waiting on the cluster at an address, `local` for one on this machine.

    Yields each group once its packs are in place and the ledger says so, in the order in which they end. The base goes
    to the workers through Ray; data are read where the workers are. Raises ClusterError, FleetError, MissingExtraError.
    """
    settings.check()
    fleet = ledger.fleet
    with cluster(address) as ray:
        files = ray.put(base_files(base))
        remote = ray.remote(_train_group).options(
            num_cpus=max(fleet.threads, 1), num_gpus=settings.gpus or None, max_retries=RETRIES
        )
        most = settings.workers or AHEAD * max(int(ray.cluster_resources().get("CPU", 1)), 1)
        waiting = list(reversed(ledger.waiting))
        running: dict[Any, Group] = {}
        while waiting or running:
            while waiting and len(running) < most:
                group = waiting.pop()
                running[remote.remote(files, group, fleet.at_once, fleet.threads)] = group
            ready, _ = ray.wait(list(running), num_returns=1)
            group = running.pop(ready[0])
            trained = _taken(ray, ready[0], group)
            ledger = ledger.finish(trained)
            yield trained


def _train_group(files: BaseFiles, group: Group, at_once: int | None, threads: int) -> TrainedGroup:
    """Train a group on a worker."""
    return train_group(unpacked(files), group, at_once, threads)


def _taken(ray: Any, reference: Any, group: Group) -> TrainedGroup:
    """Return what a worker made of a group, or why it made nothing."""
    try:
        trained: TrainedGroup = ray.get(reference)
        return trained
    except ray.exceptions.OutOfMemoryError:
        reason = "its worker ran out of memory; use a smaller --batch-size, or fewer --workers"
    except (ray.exceptions.WorkerCrashedError, ray.exceptions.NodeDiedError):
        reason = f"its worker died {RETRIES + 1} times; look at the logs of Ray, and use --resume"
    except ray.exceptions.RayTaskError as error:
        reason = f"its worker failed ({first_line(error.cause) if error.cause else first_line(error)}); use --resume"
    named = ", ".join(group.outputs[:3]) + (" …" if len(group.outputs) > 3 else "")
    failure: BitfitError = ClusterError(f"group {group.number} ({named}) was not trained: {reason}")
    return TrainedGroup(group.number, (), failure, 0.0, "")
