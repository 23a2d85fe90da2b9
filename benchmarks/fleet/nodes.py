"""A cluster of Ray on this machine whose nodes are real processes, and who kills them."""

import random
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

from fleet.cpu_time import working

if TYPE_CHECKING:
    from ray.cluster_utils import Cluster

STORE: Final = 100 * 2**20  # bytes of a node's object store
AWAY: Final = 2.0  # seconds until another node takes a killed one's place
LONGEST_WAIT: Final = 0.5  # seconds: a kill falls into whatever its node does by then


@dataclass(frozen=True, slots=True)
class Kill:
    """One node's death: how many pieces were finished by then, and whether it was at work."""

    finished: int
    after_seconds: float
    at_work: bool


@contextmanager
def nodes(count: int) -> Iterator["Cluster"]:
    """Yield a cluster, connected, of a head that does no work and so many nodes of one CPU."""
    import ray
    from ray.cluster_utils import Cluster

    head = {"num_cpus": 0, "include_dashboard": False, "object_store_memory": STORE}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    try:
        for _ in range(count):
            add_node(cluster)
        ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
        yield cluster
    finally:
        ray.shutdown()
        cluster.shutdown()


def add_node(cluster: "Cluster") -> Any:
    return cluster.add_node(num_cpus=1, object_store_memory=STORE)


class Killer:
    """Kills a node each time that one more of some random pieces is finished, and adds another.

    `title` is how command lines of workers start that are at work. One node is away at a time, and never all.
    """

    def __init__(self, cluster: "Cluster", pieces: int, kills: int, title: str, seed: int = 0) -> None:
        self._cluster, self._title = cluster, title
        self._draw = random.Random(seed)
        self._points = sorted(self._draw.sample(range(1, pieces * 9 // 10), kills))
        self._began = time.perf_counter()
        self._hand = ThreadPoolExecutor(1)
        self._away: Future[Kill] | None = None
        self.kills: list[Kill] = []

    def __enter__(self) -> "Killer":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._hand.shutdown(wait=True)
        if self._away is not None and error is None:
            self.kills.append(self._away.result())

    def tell(self, finished: int) -> None:
        """Say how many pieces are finished. Nodes are added here, since Ray adds them in the main thread alone."""
        if self._away is not None and self._away.done():
            self.kills.append(self._away.result())
            self._away = None
            add_node(self._cluster)
        if self._away is None and self._points and finished >= self._points[0]:
            self._points.pop(0)
            self._away = self._hand.submit(self._kill, finished)

    def _kill(self, finished: int) -> Kill:
        time.sleep(self._draw.uniform(0, LONGEST_WAIT))
        victim = self._draw.choice(sorted(self._cluster.worker_nodes, key=lambda node: str(node.unique_id)))
        raylet = victim.all_processes["raylet"][0].process.pid
        death = Kill(finished, time.perf_counter() - self._began, working(raylet, self._title))
        self._cluster.remove_node(victim, allow_graceful=False)
        time.sleep(AWAY)
        return death
