"""Bulk answers on a cluster of Ray: actors with one engine each, to whom this process hands one part after another.

A part goes only to an actor that has loaded its base, so none waits for a place that a dead node has taken along. The
part of an actor that died is handed to another; whatever the first one wrote, the second writes the same bytes.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from bitfit_runtime import Base, BitfitError
from bitfit_runtime.errors import first_line
from bitfit_toolkit.bulk.plan import BulkPlan, Part
from bitfit_toolkit.bulk.run import sweep
from bitfit_toolkit.bulk.work import PartReport, Worker
from bitfit_toolkit.cluster import BaseFiles, base_files, cluster, unpacked
from bitfit_toolkit.errors import ClusterError

TRIES: Final = 10  # of a part whose worker died
LOST: Final = 100  # workers that may die before they have loaded their base, one after another
HINT: Final = (
    "look at the logs of Ray; with fewer workers or a lower memory_limit each has more memory; the same call goes on"
)


class Actor:
    """A worker on a node of the cluster."""

    def __init__(self, files: BaseFiles, plan: BulkPlan) -> None:
        self._failure: BitfitError | None = None
        try:
            self._worker = Worker(unpacked(files), plan)
        except BitfitError as error:
            self._failure = error

    def ready(self) -> BitfitError | None:
        """Return why the base could not be loaded, None where it was."""
        return self._failure

    def answer(self, part: Part) -> PartReport | BitfitError:
        """Answer a part; return what keeps all work from going on."""
        try:
            return self._worker.answer(part)
        except BitfitError as error:
            return error


class Pool:
    """Actors by what they do now: a reference to their answer leads to them, and to the part that they answer."""

    def __init__(self, ray: Any, base: Base, plan: BulkPlan, workers: int) -> None:
        self._ray, self._workers = ray, workers
        self._class = ray.remote(Actor).options(num_cpus=plan.options.threads, max_restarts=0)
        self._given = (ray.put(base_files(base)), ray.put(plan))
        self._busy: dict[Any, tuple[Any, Part | None]] = {}
        self._lost = 0

    def fill(self) -> None:
        """Start actors in place of those that died."""
        while len(self._busy) < self._workers:
            actor = self._class.remote(*self._given)
            self._busy[actor.ready.remote()] = (actor, None)

    def hand(self, actor: Any, part: Part) -> None:
        """Hand a part to an actor."""
        self._busy[actor.answer.remote(part)] = (actor, part)

    def next(self) -> tuple[Any, Part | None, PartReport | None]:
        """Wait for an actor; return it, its part and the report. The actor is None where it died.

        Raises what keeps all work from going on, ClusterError.
        """
        errors = self._ray.exceptions
        done = self._ray.wait(list(self._busy), num_returns=1)[0][0]
        actor, part = self._busy.pop(done)
        try:
            found = self._ray.get(done)
        except (errors.RayActorError, errors.OutOfMemoryError, errors.WorkerCrashedError) as error:
            self._lost += 1
            if self._lost > LOST:
                raise ClusterError(f"{self._lost} workers died in a row ({first_line(error)}); {HINT}") from None
            return None, part, None
        except errors.RayTaskError as error:
            cause = error.cause or error
            raise ClusterError(f"a worker failed ({first_line(cause)}); {HINT}") from None
        if isinstance(found, BitfitError):
            raise found
        self._lost = 0
        return actor, part, found


def answer_on_ray(
    base: Base, plan: BulkPlan, waiting: list[Part], address: str, workers: int | None = None
) -> Iterator[PartReport]:
    """Answer the parts that wait on the cluster at an address, `local` for one on this machine.

    Yields each part once its output is in place. `workers` is the most actors at a time, None as many as fit.
    Raises ClusterError, MissingExtraError, and what `answer_here` raises.
    """
    if not waiting:
        return
    with cluster(address) as ray:
        fit = int(ray.cluster_resources().get("CPU", 1)) // plan.options.threads
        if fit < 1:
            raise ClusterError(f"no node has the {plan.options.threads} CPUs of a worker; use fewer threads")
        pool = Pool(ray, base, plan, min(workers or fit, len(waiting)))
        left, tries, done = list(reversed(waiting)), dict.fromkeys(waiting, 0), 0
        pool.fill()
        while done < len(waiting):
            actor, part, report = pool.next()
            if report is not None:
                done += 1
            elif part is not None:
                tries[part] += 1
                if tries[part] == TRIES:
                    failure = ClusterError(f"{part.source} was not answered: {TRIES} workers died of it; {HINT}")
                    report, done = replace(PartReport(part), failure=failure), done + 1
                else:
                    left.append(part)
            if actor is not None and left:
                pool.hand(actor, left.pop())
            elif actor is None and left:
                pool.fill()
            if report is not None:
                yield report
        sweep(plan)
