"""Watcher: an updater in the background of an application."""

import logging
import random
import threading
from collections.abc import Callable
from types import TracebackType

from bitfit_runtime.arguments import function, instance, seconds
from bitfit_runtime.engine import Engine
from bitfit_runtime.errors import BitfitError, UnpublishedError, UpdateError, WithdrawnError
from bitfit_runtime.updates.callbacks import Callback, describe
from bitfit_runtime.updates.results import UpdateResult
from bitfit_runtime.updates.updater import Updater
from bitfit_runtime.updates.validation import HealthCheck

Report = Callable[[tuple[UpdateResult, ...], Exception | None], None]
log = logging.getLogger(__name__)
JITTER = 0.1  # of a period, so that devices that start together do not ask together
OUR_THREADS = "bitfit-"
MIN_PERIOD, MAX_PERIOD = 1e-3, threading.TIMEOUT_MAX / 2  # seconds


def log_round(results: tuple[UpdateResult, ...], error: Exception | None) -> None:
    """Log the results of a round of updates: failures as warnings."""
    for result in results:
        if isinstance(result.error, WithdrawnError | UnpublishedError):
            log.warning("task %r is not updated: %s", result.task, result.error)
        elif result.release is None:
            log.warning("task %r was refused: %s", result.task, result.error)
        elif result.error is None:
            log.info("release %d of task %r is active", result.release.number, result.task)
        else:
            log.warning("release %d of task %r is not active: %s", result.release.number, result.task, result.error)
    if error is not None:
        log.warning("no task was updated: %s", error if isinstance(error, BitfitError) else describe(error))


class Watcher:
    """A thread that updates an engine's tasks periodically, from `start` to `stop` or in a `with` block."""

    def __init__(
        self,
        updater: Updater,
        engine: Engine,
        every: float = 3600,
        *,
        health: HealthCheck | None = None,
        report: Report = log_round,
    ) -> None:
        """Prepare a watcher whose rounds are `every` seconds apart; the first begins at once. Raises InputError.

        `report` is called in a thread after each round, with its results and the error that ended it, if any. By
        default failures are logged. Where `report` itself raises, or takes longer than a minute, that is logged, and
        the watcher goes on.
        """
        instance(updater, "updater", Updater, "an Updater")
        instance(engine, "engine", Engine, "an Engine")
        if health is not None:
            function(health, "health", "a function of an engine and a task")
        function(report, "report", "a function of results and an error")
        self._updater, self._engine = updater, engine
        self._every = seconds(every, "every", MAX_PERIOD, MIN_PERIOD)
        self._health, self._report = health, report
        self._reports = Callback("bitfit-report")
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="bitfit-updates", daemon=True)

    def start(self) -> None:
        """Start the thread. A watcher starts once."""
        self._thread.start()

    def stop(self, timeout: float | None = None) -> None:
        """End after the round that is running, and wait for it, for at most `timeout` seconds. Raises InputError.

        `report` and a health check may call it: they end the watcher without waiting for themselves.
        """
        if timeout is not None:
            timeout = seconds(timeout, "timeout", threading.TIMEOUT_MAX)
        self._stopping.set()
        if self._thread.is_alive() and not threading.current_thread().name.startswith(OUR_THREADS):
            self._thread.join(timeout)

    def __enter__(self) -> "Watcher":
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: Exception | None, trace: TracebackType | None) -> None:
        self.stop()

    def _work(self) -> None:
        while not self._stopping.is_set():
            results: tuple[UpdateResult, ...] = ()
            problem: Exception | None = None
            try:
                results = self._updater.run(self._engine, self._health)
            except Exception as error:  # a device whose watcher died would never be updated again
                problem = error
            except BaseException as error:
                problem = UpdateError(f"the round was ended by {describe(error)}; another one follows")
            try:
                self._tell(results, problem)
            except BaseException:
                log.exception("the report of a round of updates failed")
            self._stopping.wait(self._every * random.uniform(1 - JITTER, 1 + JITTER))

    def _tell(self, results: tuple[UpdateResult, ...], problem: Exception | None) -> None:
        outcome = self._reports.call(lambda: self._report(results, problem))
        if outcome.error is not None:
            log.error("the report of a round of updates failed", exc_info=outcome.error)
        elif not outcome.ended:
            log.error("the report of a round of updates has not ended; the watcher goes on without it")
