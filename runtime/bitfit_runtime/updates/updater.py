"""Updater of one application's tasks: check, fetch, activate, roll back."""

import hashlib
import logging
import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from bitfit_runtime.engine import Engine
from bitfit_runtime.errors import (
    BitfitError,
    CanaryError,
    ExpiredError,
    InputError,
    PackError,
    PackNotFoundError,
    StoreError,
    UntrustedUpdateError,
    UpdateError,
)
from bitfit_runtime.formats.base import Base
from bitfit_runtime.formats.pack import Pack
from bitfit_runtime.updates.check import judge
from bitfit_runtime.updates.client import Clock, TrustedClient, expiry, reported
from bitfit_runtime.updates.fetcher import Fetcher, NetworkOptions
from bitfit_runtime.updates.results import Status, TaskStatus, UpdateCheck, UpdateResult
from bitfit_runtime.updates.schema import METADATA_FOLDER, PACKS_FOLDER, Release, base_folder, target_path
from bitfit_runtime.updates.slots import Slots, StoredRelease
from bitfit_runtime.updates.store import Store
from bitfit_runtime.updates.validation import HealthCheck, prove, read

log = logging.getLogger(__name__)


def utc_now() -> datetime:
    """Return this device's time."""
    return datetime.now(UTC)


class Updater:
    """The tasks of an application, kept up to date from a static folder of signed packs.

    All methods may be called from several threads and processes; one at a time writes. Whatever fails, the pack that
    was active goes on answering. It was verified when it became active, so it answers offline too, and after the signed
    metadata expired, when no new one is taken.
    """

    def __init__(
        self,
        store: str | Path,
        url: str,
        root: bytes | str | Path,
        base: Base,
        tasks: Sequence[str],
        *,
        network: NetworkOptions | None = None,
        clock: Clock = utc_now,
        wait: float = 60,
    ) -> None:
        """Look after `tasks` on `base`. Nothing is read, written or fetched yet.

        `store` is the device's folder, `url` the published one, `root` the first root metadata or their file, which
        comes with the application. `clock` tells the time, with its zone. `wait` is how many seconds another writer is
        waited for. Raises InputError.
        """
        if isinstance(tasks, str):
            raise InputError(f"tasks are a list of names, found the text {tasks!r}; put it into a list")
        if not _is_web_address(url):
            raise InputError(f"the URL of a repository begins with https:// or http://, found {url!r}")
        self._url = url if url.endswith("/") else f"{url}/"
        self._root = root
        self._base = base.manifest.digest
        self._paths = {task: target_path(self._base, task) for task in tasks}
        self._store = Store(Path(store), self._base)
        self._clock, self._wait = clock, wait
        self.network = Fetcher(network)
        self._flipping = threading.Lock()
        self._running: WeakKeyDictionary[Engine, dict[str, StoredRelease]] = WeakKeyDictionary()

    def check(self) -> UpdateCheck:
        """Bring the signed metadata up to date and return what they offer; the floor rises to it.

        What is wrong with one task is in `UpdateCheck.refused`. Raises what is wrong with all: UpdateError or one of
        its subclasses (UnreachableError, ExpiredError, RollbackError of the root, UntrustedUpdateError, StoreError,
        StoreBusyError), InputError.
        """
        with self._store.looking(self._wait):
            url = f"{self._url}{METADATA_FOLDER}/"
            client = TrustedClient(self._store.metadata, url, self._root_bytes(), self.network, self._now())
            client.refresh()
            client.load(self._paths.values())
            with self._store.writing(self._wait):
                return judge(client, self._store, self._base, self._paths)

    def fetch(self, release: Release) -> None:
        """Download a release that `check` returned, and keep it beside the active one.

        Raises UpdateError or one of its subclasses.
        """
        with self._store.writing(self._wait):
            pointer = self._wanting(release)
            held = StoredRelease(release.number, release.sha256)
            if pointer.staged == held and self._store.pack(release.task, held) is not None:
                return
            self._check_floor(release.task, pointer, release.number)
            self._store.check_space(release.size)
        data = self._download(release)
        with self._store.writing(self._wait):
            pointer = self._wanting(release)
            self._store.keep_pack(release.task, held, data)
            self._store.point(release.task, pointer.stage(held))

    def activate(self, task: str, engine: Engine, health: HealthCheck | None = None) -> None:
        """Prove the fetched release of a task on `engine`, then let it answer there and from the next start on.

        Its canary is run, then `health`, with an engine that holds the new pack alone; False or an exception fails, and
        so does a call from there of a method that writes. A release that fails is not taken again. Requests that are
        running end with the pack that they began with. Raises CanaryError, RollbackError where a newer one was seen
        meanwhile, PackError, UpdateError or one of their subclasses, InputError.
        """
        self._check_engine(engine)
        self._path(task)
        with self._store.writing(self._wait):
            pointer = self._store.pointer(task)
            if pointer.staged is None:
                raise UpdateError(f"nothing was fetched for task {task!r} that is not active; check and fetch first")
            self._check_floor(task, pointer, pointer.staged.release)
            try:
                pack = self._prove(task, pointer.staged, engine, health)
            except PackNotFoundError:
                raise  # damaged on disk: to be fetched again
            except (CanaryError, PackError):
                self._store.point(task, pointer.reject())
                raise
            with self._flipping:
                self._store.point(task, pointer.activate())
                self._flip(task, pointer.staged, pack, engine)

    def rollback(self, task: str, engine: Engine | None = None) -> None:
        """Let the release before the active one answer again, and take the active one no more.

        Raises UpdateError when there is none before, or one of its subclasses, PackError, InputError.
        """
        if engine is not None:
            self._check_engine(engine)
        self._path(task)
        with self._store.writing(self._wait):
            pointer = self._store.pointer(task)
            if pointer.active is None or pointer.previous is None:
                raise UpdateError(f"task {task!r} has no earlier release here; publish a good one with a larger number")
            pack = read(self._store.pack(task, pointer.previous), task, pointer.previous)
            with self._flipping:
                self._store.point(task, pointer.go_back())
                if engine is not None:
                    self._flip(task, pointer.previous, pack, engine)

    def install(self, engine: Engine, grace: timedelta | None = None) -> Mapping[str, BitfitError]:
        """Install the active pack of every task, at start-up or after another process changed one. Works offline.

        A pack that is damaged or fails its canary gives way to the one before. Returns what was wrong, by task, also
        where a task's files cannot be read. With `grace` the packs are refused once the signed metadata have been
        expired for longer; then raises ExpiredError, StoreError. Raises InputError.
        """
        self._check_engine(engine)
        expires = expiry(self._store.metadata) if grace is not None else None
        if grace is not None and (expires is None or self._now() > expires + grace):
            since = "were never fetched" if expires is None else f"expired at {expires.isoformat()}"
            raise ExpiredError(f"the signed metadata {since}, more is asked for by `grace`; check for updates first")
        problems: dict[str, BitfitError] = {}
        for task in self._paths:
            try:
                while (error := self._install(task, engine)) is not None:
                    problems[task] = error
            except StoreError as unreadable:  # the other tasks can answer
                problems[task] = unreadable
        return problems

    def run(self, engine: Engine, health: HealthCheck | None = None) -> tuple[UpdateResult, ...]:
        """Check, then fetch and activate each release that is offered. What fails for one task is in its outcome.

        Tasks that `check` refused come first. What another process made active is installed before all; what was wrong
        with that is logged. Raises what `check` and `install` raise.
        """
        for task, problem in self.install(engine).items():
            log.warning("the active pack of task %r cannot be used: %s", task, problem)
        found = self.check()
        refused = [UpdateResult(task, None, error) for task, error in found.refused.items()]
        return (*refused, *(self._update(release, engine, health) for release in found.releases))

    def status(self) -> Status:
        """Return what is active, since when metadata are expired, and more. Works offline. Raises StoreError."""
        lowest, expires = self._store.floor().releases, expiry(self._store.metadata)
        tasks = tuple(self._status(task, lowest.get(path, 0)) for task, path in self._paths.items())
        return Status(tasks, expires, expires is not None and self._now() > expires)

    def _status(self, task: str, floor: int) -> TaskStatus:
        try:
            return TaskStatus.of(task, self._store.pointer(task), floor)
        except StoreError as unreadable:  # the other tasks have a status
            return TaskStatus.of(task, Slots(), floor, unreadable)

    def _update(self, release: Release, engine: Engine, health: HealthCheck | None) -> UpdateResult:
        try:
            error = self._take(release, engine, health)
        except StoreError as unreadable:
            error = unreadable
        return UpdateResult(release.task, release, error)

    def _take(self, release: Release, engine: Engine, health: HealthCheck | None) -> BitfitError | None:
        try:
            self.fetch(release)
            self.activate(release.task, engine, health)
        except (UpdateError, PackError) as error:
            if self._store.pointer(release.task).active != StoredRelease(release.number, release.sha256):
                return error
            return self._install(release.task, engine)  # another process was faster
        return None

    def _install(self, task: str, engine: Engine) -> BitfitError | None:
        """Install the active pack; where it is bad, point to the one before and return what was wrong."""
        with self._flipping:
            pointer = self._store.pointer(task)
            running = self._running.get(engine, {}).get(task) if task in engine.tasks else None
            if pointer.active is None or running == pointer.active:
                return None
            problem: BitfitError | None = None
            try:
                self._flip(task, pointer.active, self._prove(task, pointer.active, engine), engine)
            except (CanaryError, PackError) as error:
                problem = error
        if problem is None:
            return self._install(task, engine)  # for another may have moved the pointer, and flipped, meanwhile
        with self._store.writing(self._wait):
            unchanged = self._store.pointer(task) == pointer
            if unchanged:
                damaged = isinstance(problem, PackNotFoundError)
                self._store.point(task, pointer.lose() if damaged else pointer.go_back())
        return problem if unchanged else self._install(task, engine)  # another process went on meanwhile

    def _prove(self, task: str, held: StoredRelease, engine: Engine, health: HealthCheck | None = None) -> Pack:
        return prove(self._store.pack(task, held), task, held, engine, health)

    def _flip(self, task: str, held: StoredRelease, pack: Pack, engine: Engine) -> None:
        engine.install(task, pack)
        self._running.setdefault(engine, {})[task] = held

    def _download(self, release: Release) -> bytes:
        folder, name = base_folder(release.base), f"{release.sha256}.{release.task}.safetensors"
        with reported(self._store.folder):
            data = self.network.download_bytes(f"{self._url}{PACKS_FOLDER}/{folder}/{name}", release.size)
        if len(data) != release.size or hashlib.sha256(data).hexdigest() != release.sha256:
            raise UntrustedUpdateError(
                f"release {release.number} of {release.task!r} is not the pack that was signed; nothing was kept"
            )
        return data

    def _wanting(self, release: Release) -> Slots:
        if self._path(release.task) != release.path:
            raise InputError(f"release {release.number} of {release.path} is for another base; check again")
        pointer = self._store.pointer(release.task)
        if not pointer.wants(release):
            raise UpdateError(f"release {release.number} of {release.task!r} is active, older, or was bad; check again")
        return pointer

    def _path(self, task: str) -> str:
        if task not in self._paths:
            raise InputError(f"task {task!r} is none of these updates' ({', '.join(self._paths)}); open them with it")
        return self._paths[task]

    def _check_floor(self, task: str, pointer: Slots, number: int) -> None:
        path = self._paths[task]
        self._store.floor().raised(0, {path: pointer.newest}).check_release(path, number)

    def _now(self) -> datetime:
        now = self._clock()
        if now.tzinfo is None:
            raise InputError("a clock tells the time with its zone, as datetime.now(UTC) does; this one told none")
        return now

    def _root_bytes(self) -> bytes:
        if isinstance(self._root, bytes):
            return self._root
        try:
            return Path(self._root).read_bytes()
        except OSError as error:
            raise InputError(f"cannot read the root metadata in {self._root} ({error.strerror or error})") from None

    def _check_engine(self, engine: Engine) -> None:
        if engine.base.manifest.digest != self._base:
            raise InputError(f"these updates are for base {self._base[:19]}…; open others for the engine's base")


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and parts.hostname is not None
