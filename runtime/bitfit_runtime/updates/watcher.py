"""Updater in the background of an application."""

import logging
import random
import threading
from collections.abc import Callable
from types import TracebackType

from bitfit_runtime.engine import Engine
from bitfit_runtime.errors import InputError
from bitfit_runtime.updates.results import UpdateResult
from bitfit_runtime.updates.updater import Updater
from bitfit_runtime.updates.validation import HealthCheck

Report = Callable[[tuple[UpdateResult, ...], Exception | None], None]
log = logging.getLogger(__name__)
JITTER = 0.1  # of a period, so that devices that start together do not ask together
LONGEST = threading.TIMEOUT_MAX / 2  # seconds


def log_round(outcomes: tuple[UpdateResult, ...], problem: Exception | None) -> None:
    """Log what became of a round of updates: what went wrong as a warning."""
    for outcome in outcomes:
        task, release, error = outcome.task, outcome.release, outcome.error
        if release is None:
            log.warning("task %r was refused: %s", task, error)
        elif error is None:
            log.info("release %d of task %r is active", release.number, task)
        else:
            log.warning("release %d of task %r is not active: %s", release.number, task, error)
    if problem is not None:
        log.warning("no updates were taken: %s", problem)


class Watcher:
    """A thread that updates an engine's tasks every so many seconds, from `start` to `stop` or in a `with` block."""

    def __init__(
        self,
        updates: Updater,
        engine: Engine,
        every: float = 3600,
        *,
        health: HealthCheck | None = None,
        report: Report = log_round,
    ) -> None:
        """`report` is called in the thread after each round, with its outcomes and the error that ended it, if any.
        By default what went wrong is logged. An error of `report` itself is logged too, and the next round comes.

        `every` is in seconds; the first round begins at once. Raises InputError.
        """
        if not 0 < every <= LONGEST:
            raise InputError(f"a watcher's rounds are more than 0 and at most {LONGEST:g} seconds apart, found {every}")
        self._updates, self._engine, self._every = updates, engine, every
        self._health, self._report = health, report
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="bitfit-updates", daemon=True)

    def start(self) -> None:
        """Begin. A watcher starts once."""
        self._thread.start()

    def stop(self, wait: float | None = None) -> None:
        """End after the round that is running, and wait for that, for at most `wait` seconds."""
        self._stopping.set()
        self._thread.join(wait)

    def __enter__(self) -> "Watcher":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _work(self) -> None:
        while not self._stopping.is_set():
            outcomes: tuple[UpdateResult, ...] = ()
            problem: Exception | None = None
            try:
                outcomes = self._updates.run(self._engine, self._health)
            except Exception as error:  # a device whose watcher died would never be updated again
                problem = error
            try:
                self._report(outcomes, problem)
            except Exception:
                log.exception("the report of a round of updates failed")
            self._stopping.wait(self._every * random.uniform(1 - JITTER, 1 + JITTER))
