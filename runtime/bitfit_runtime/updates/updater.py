"""Updater of an application's tasks: check, fetch, activate, roll back."""

import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bitfit_runtime.arguments import as_path, function, instance, names, seconds
from bitfit_runtime.engine import Engine
from bitfit_runtime.errors import BitfitError, ExpiredError, InputError
from bitfit_runtime.formats import Base
from bitfit_runtime.updates.addresses import check_repository_url
from bitfit_runtime.updates.callbacks import CALLBACK_TIMEOUT
from bitfit_runtime.updates.check import check_tasks
from bitfit_runtime.updates.client import Clock, TrustedClient, client_errors, download_pack, metadata_expiry
from bitfit_runtime.updates.fetcher import Fetcher, NetworkOptions
from bitfit_runtime.updates.lineage import is_of_another_repository
from bitfit_runtime.updates.results import Status, UpdateCheck, UpdateResult
from bitfit_runtime.updates.schema import METADATA_FOLDER, Release, target_path
from bitfit_runtime.updates.store import ROOT_HISTORY, Store
from bitfit_runtime.updates.task_update import TaskUpdate
from bitfit_runtime.updates.validation import HealthCheck

log = logging.getLogger(__name__)
LONGEST_TIMEOUT = 24 * 60 * 60  # seconds; a lock's own wait ends sooner


def utc_now() -> datetime:
    """Return this device's time."""
    return datetime.now(UTC)


class Updater:
    """The tasks of an application, kept up to date from a static folder of signed packs.

    All methods may be called from several threads and processes; one at a time writes. Whatever fails, the pack that
    was active keeps answering. It was verified when it became active, so it also answers offline and after the signed
    metadata expired, when no new pack is accepted.
    """

    def __init__(
        self,
        store: str | Path,
        url: str,
        root: bytes | str | Path,
        base: str | Path | Base,
        tasks: Sequence[str],
        *,
        network: NetworkOptions | None = None,
        clock: Clock = utc_now,
        lock_timeout: float = 60,
        health_timeout: float = CALLBACK_TIMEOUT,
    ) -> None:
        """Keep `tasks` on `base` up to date. Nothing is written or fetched yet.

        `store` is the device's folder, `url` that of the published folder, `root` the first root metadata or their
        file, which ships with the application. `clock` returns the time with its zone. `lock_timeout` is how many
        seconds to wait for another writer, `health_timeout` how many for a health check. Raises InputError, and
        BaseError where `base` is a folder without one.
        """
        tasks = names(tasks, "tasks")
        instance(url, "url", str, "a URL")
        self._url = check_repository_url(url)
        self._root = root if isinstance(root, bytes) else as_path(root, "root")
        lock_timeout = seconds(lock_timeout, "lock_timeout", LONGEST_TIMEOUT)
        health_timeout = seconds(health_timeout, "health_timeout", LONGEST_TIMEOUT)
        function(clock, "clock", "a function that returns the time")
        if network is not None:
            instance(network, "network", NetworkOptions, "a NetworkOptions")
        store = as_path(store, "store")
        self._base = (base if isinstance(base, Base) else Base.open(as_path(base, "base"))).manifest.digest
        self._store = Store(store, self._base, lock_timeout)
        self._clock = clock
        self.fetcher = Fetcher(network)
        self._tasks = {
            task: TaskUpdate(self._store, task, target_path(self._base, task), self._download, health_timeout)
            for task in tasks
        }

    def check(self) -> UpdateCheck:
        """Bring the signed metadata up to date and return what they offer; the version floor rises to it.

        Problems of one task are in `UpdateCheck.refused`. Raises those of all: UpdateError or one of its subclasses
        (UnreachableError, ExpiredError, RollbackError of the root, UntrustedUpdateError, StoreError, StoreBusyError),
        InputError.
        """
        paths = {name: task.path for name, task in self._tasks.items()}
        with self._store.metadata_lock():
            url, root = f"{self._url}{METADATA_FOLDER}/", self._root_bytes()
            self._follow_root(root)
            client = TrustedClient(self._store.metadata, url, root, self.fetcher, self._now())
            client.refresh()
            client.load(paths.values())
            with self._store.write_lock():
                return check_tasks(client, self._store, self._base, paths)

    def fetch(self, release: Release) -> None:
        """Download a release that `check` returned, and store it beside the active one.

        Raises UpdateError or one of its subclasses, InputError.
        """
        instance(release, "release", Release, "a Release that `check` returned")
        self._task(release.task).fetch(release)

    def activate(self, task: str, engine: Engine, health: HealthCheck | None = None) -> None:
        """Validate the fetched release of a task on `engine`, then let it answer there and from the next start on.

        Its canary is run, then `health`, in a thread of its own and with an engine that holds the new pack only; it
        fails by returning False, by raising, or by calling a method that writes here. A release that fails is not
        accepted again. One that cannot be judged stays fetched, and TemporaryError is raised: where `health` returns
        "retry", raises MemoryError, OSError or what is not an Exception, or takes longer than `health_timeout`, and
        where memory or ONNX Runtime fails. Running requests finish with the pack that they began with. Raises
        CanaryError, RollbackError where a newer release was seen meanwhile, PackError, UpdateError or one of their
        subclasses, InputError.
        """
        self._check_engine(engine)
        _check_health(health)
        self._task(task).activate(engine, health)

    def roll_back(self, task: str, engine: Engine | None = None) -> None:
        """Let the previous release answer again, and accept the active one no more. Needs no network.

        Raises UpdateError when there is no previous one, or one of its subclasses, PackError, InputError.
        """
        if engine is not None:
            self._check_engine(engine)
        self._task(task).roll_back(engine)

    def install(self, engine: Engine, grace: timedelta | None = None) -> Mapping[str, BitfitError]:
        """Install the active pack of every task, at start-up or after another process changed one. Works offline.

        A pack that is damaged or fails its canary is replaced by the previous one. Returns problems by task, also where
        a task's files cannot be read. With `grace`, raises ExpiredError once the signed metadata have been expired for
        longer. Raises StoreError, InputError.
        """
        self._check_engine(engine)
        if grace is not None:
            self._check_grace(grace)
        problems = {name: task.install(engine) for name, task in self._tasks.items()}
        return {name: problem for name, problem in problems.items() if problem is not None}

    def run(self, engine: Engine, health: HealthCheck | None = None) -> tuple[UpdateResult, ...]:
        """Check, then fetch and activate each release that is offered. Problems of one task are in its result.

        Tasks without a release come first: those that `check` refused, those that were withdrawn or never published,
        and those whose active pack cannot be used. What another process made active is installed before all. Raises
        what `check` and `install` raise.
        """
        _check_health(health)
        unusable = self.install(engine)
        for task, problem in unusable.items():
            log.warning("the active pack of task %r cannot be used: %s", task, problem)
        found = self.check()
        offered = {release.task for release in found.releases}
        problems = {task: problem for task, problem in unusable.items() if task not in offered} | dict(found.problems)
        stuck = [UpdateResult(task, None, problem) for task, problem in problems.items()]
        return (*stuck, *(self._task(release.task).update(release, engine, health) for release in found.releases))

    def status(self) -> Status:
        """Return what is active, whether the metadata have expired, and more. Works offline. Raises StoreError."""
        floors, expires = self._store.read_version_floor().releases, metadata_expiry(self._store.metadata)
        tasks = tuple(task.status(floors.get(task.path, 0)) for task in self._tasks.values())
        return Status(tasks, expires, expires is not None and self._now() > expires)

    def _task(self, name: str) -> TaskUpdate:
        if not isinstance(name, str) or name not in self._tasks:
            raise InputError(
                f"task {name!r} is not one of this updater's ({', '.join(self._tasks)}); create the updater with it"
            )
        return self._tasks[name]

    def _download(self, release: Release) -> bytes:
        return download_pack(self.fetcher, self._url, release)

    def _now(self) -> datetime:
        now = self._clock()
        if now.tzinfo is None:
            raise InputError("`clock` should return a time with its zone, as datetime.now(UTC) does; it has none")
        return now

    def _follow_root(self, root: bytes) -> None:
        """Begin anew where the application now ships the root of another repository."""
        history = self._store.metadata / ROOT_HISTORY
        with client_errors(history):
            another = is_of_another_repository(root, history)
        if another:
            log.warning("the application's root is of another repository than before; releases are numbered anew")
            with self._store.write_lock():
                self._store.begin_repository()

    def _root_bytes(self) -> bytes:
        if isinstance(self._root, bytes):
            return self._root
        try:
            if self._root.exists() and not self._root.is_file():  # a pipe would be waited for without end
                raise OSError("it is not a regular file")
            return self._root.read_bytes()
        except OSError as error:
            raise InputError(f"cannot read the root metadata in {self._root} ({error.strerror or error})") from None

    def _check_engine(self, engine: Engine) -> None:
        instance(engine, "engine", Engine, "an Engine")
        if engine.base.manifest.digest != self._base:
            raise InputError(
                f"this updater is for base {self._base[:19]}…, the engine has {engine.base.manifest.digest[:19]}…; "
                "create an updater for the engine's base"
            )

    def _check_grace(self, grace: timedelta) -> None:
        instance(grace, "grace", timedelta, "a timedelta")
        expires = metadata_expiry(self._store.metadata)
        if expires is None or self._now() - expires > grace:  # a sum might be a time that no calendar has
            since = "were never fetched" if expires is None else f"expired at {expires.isoformat()}"
            raise ExpiredError(f"the signed metadata {since}, which `grace` does not allow; check for updates first")


def _check_health(health: HealthCheck | None) -> None:
    """Refuse what cannot be called before a release is rejected for it. Raises InputError."""
    if health is not None:
        function(health, "health", "a function of an engine and a task")
