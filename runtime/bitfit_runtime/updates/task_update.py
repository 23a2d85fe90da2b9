"""Update of one task in one store: fetch, activate, roll back, install."""

import contextlib
import logging
import threading
from collections.abc import Callable
from weakref import WeakKeyDictionary

from bitfit_runtime.engine import Engine
from bitfit_runtime.errors import (
    BitfitError,
    CanaryError,
    InputError,
    PackError,
    PackNotFoundError,
    StoreError,
    UpdateError,
)
from bitfit_runtime.formats import Pack
from bitfit_runtime.updates.callbacks import Callback
from bitfit_runtime.updates.results import TaskStatus, UpdateResult
from bitfit_runtime.updates.schema import Release
from bitfit_runtime.updates.slots import Slots, StoredRelease
from bitfit_runtime.updates.store import Store
from bitfit_runtime.updates.validation import Health, HealthCheck, as_outcome, parse_stored, validate_pack

log = logging.getLogger(__name__)


class TaskUpdate:
    """One task of one store. Its slots say which release answers; engines are made to agree with them."""

    def __init__(
        self, store: Store, task: str, path: str, download: Callable[[Release], bytes], health_timeout: float
    ) -> None:
        """`path` is the target path of `task`; `download` returns a release's pack, verified, or raises UpdateError.

        A health check that takes longer than `health_timeout` seconds is left behind.
        """
        self.task, self.path = task, path
        self._health = Callback(f"bitfit-health-{task}", health_timeout)
        self._store, self._download = store, download
        # Held while slots are read or replaced and an engine is made to agree, so that no older pack replaces a newer.
        self._engine_lock = threading.Lock()
        self._installed: WeakKeyDictionary[Engine, StoredRelease] = WeakKeyDictionary()

    def fetch(self, release: Release) -> None:
        """Download a release and stage it beside the active one. Raises UpdateError or one of its subclasses."""
        stored = StoredRelease.of(release)
        with self._store.write_lock():
            slots = self._accepting_slots(release)
            if slots.staged == stored and self._store.read_pack(self.task, stored) is not None:
                return
            self._check_version_floor(slots, release.number)
            self._store.check_space(release.size)
        data = self._download(release)
        with self._store.write_lock():
            slots = self._accepting_slots(release)
            self._store.write_pack(self.task, stored, data)
            self._store.write_slots(self.task, slots.stage(stored))

    def activate(self, engine: Engine, health: HealthCheck | None = None) -> None:
        """Validate the staged release on `engine`, then let it answer. One that fails is rejected for good.

        Nothing is locked meanwhile: a health check that takes its time delays no rollback. Raises CanaryError,
        RollbackError, PackError, UpdateError or one of their subclasses; TemporaryError leaves the release staged.
        """
        with self._store.write_lock():
            slots = self._slots()
            if slots.staged is None:
                raise UpdateError(f"no fetched release of task {self.task!r} is waiting; check and fetch first")
            self._check_version_floor(slots, slots.staged.number)
        staged = slots.staged
        try:
            pack = self._validated_pack(staged, engine, health)
        except PackNotFoundError:
            raise  # damaged on disk: it may be fetched again
        except (CanaryError, PackError):
            self._reject(staged)
            raise
        with self._store.write_lock():
            slots = self._slots()
            if staged not in (slots.staged, slots.active):
                raise UpdateError(
                    f"release {staged.number} of {self.task!r} was replaced while it was validated; check again"
                )
            self._check_version_floor(slots, staged.number)
            with self._engine_lock:
                if slots.staged == staged:
                    self._store.write_slots(self.task, slots.activate())
                self._install_pack(staged, pack, engine)

    def roll_back(self, engine: Engine | None = None) -> None:
        """Let the previous release answer again, and reject the active one for good.

        Raises UpdateError when there is no previous one, or one of its subclasses, PackError.
        """
        with self._store.write_lock():
            slots = self._slots()
            if slots.active is None or slots.previous is None:
                raise UpdateError(
                    f"task {self.task!r} has no earlier release here; publish a good one with a larger number"
                )
            pack = parse_stored(self._store.read_pack(self.task, slots.previous), self.task, slots.previous)
            with self._engine_lock:
                self._store.write_slots(self.task, slots.roll_back())
                if engine is not None:
                    self._install_pack(slots.previous, pack, engine)

    def install(self, engine: Engine) -> BitfitError | None:
        """Install the active pack, or the first valid one before it. Returns the last problem that was found.

        Where the store cannot be written, or the active pack cannot be tried for now, an engine without the task gets
        the previous one, and the slots stay as they are.
        """
        problem: BitfitError | None = None
        try:
            while (error := self._install_active(engine)) is not None:
                problem = error
        except BaseException as error:
            problem = self._as_outcome(error)
            with contextlib.suppress(BitfitError):
                self._install_previous(engine)
        return problem

    def update(self, release: Release, engine: Engine, health: HealthCheck | None) -> UpdateResult:
        """Fetch and activate a release. What fails is in the result."""
        try:
            error = self._fetch_and_activate(release, engine, health)
        except BaseException as raised:
            error = self._as_outcome(raised)
        return UpdateResult(self.task, release, error)

    def status(self, version_floor: int) -> TaskStatus:
        """Describe the task. What the store cannot say is a problem in the status."""
        try:
            return TaskStatus.of(self.task, self._slots(), version_floor)
        except StoreError as unreadable:
            return TaskStatus.of(self.task, Slots(), version_floor, unreadable)

    def _fetch_and_activate(self, release: Release, engine: Engine, health: HealthCheck | None) -> BitfitError | None:
        try:
            self.fetch(release)
            self.activate(engine, health)
        except (UpdateError, PackError) as error:
            if self._slots().active != StoredRelease.of(release):
                return error
            return self._install_active(engine)  # another process was faster
        return None

    def _install_active(self, engine: Engine) -> BitfitError | None:
        """Install the active pack unless the engine has it; where it is invalid, make the previous one active.

        Returns what was wrong with it, None once the engine agrees with the slots.
        """
        while True:  # another thread or process may change the slots between the steps
            with self._engine_lock:
                slots = self._slots()
                if slots.active is None or slots.active == self._installed_release(engine):
                    return None
                try:
                    self._install_pack(slots.active, self._validated_pack(slots.active, engine), engine)
                    continue
                except (CanaryError, PackError) as error:
                    problem = error
            try:
                with self._store.write_lock():
                    if self._slots() == slots:
                        damaged = isinstance(problem, PackNotFoundError)
                        self._store.write_slots(self.task, slots.drop_damaged() if damaged else slots.roll_back())
                        return problem
            except StoreError as read_only:
                raise problem from read_only  # what is wrong with the pack is what matters

    def _install_previous(self, engine: Engine) -> None:
        with self._engine_lock:
            slots = self._slots()
            if slots.previous is not None and self.task not in engine.tasks:
                self._install_pack(slots.previous, self._validated_pack(slots.previous, engine), engine)

    def _reject(self, release: StoredRelease) -> None:
        with self._store.write_lock():
            slots = self._slots()
            if slots.staged == release:
                self._store.write_slots(self.task, slots.reject())

    def _as_outcome(self, error: BaseException) -> BitfitError:
        return error if isinstance(error, BitfitError) else as_outcome(error, f"task {self.task!r} failed")

    def _installed_release(self, engine: Engine) -> StoredRelease | None:
        return self._installed.get(engine) if self.task in engine.tasks else None  # the application may have removed it

    def _install_pack(self, release: StoredRelease, pack: Pack, engine: Engine) -> None:
        former, new = engine.tasks.get(self.task), pack.info
        if former is not None and (former.task_type, former.labels) != (new.task_type, new.labels):
            log.warning("release %d of task %r has another type or other labels than before", release.number, self.task)
        engine.install(self.task, pack)
        self._installed[engine] = release

    def _validated_pack(self, release: StoredRelease, engine: Engine, check: HealthCheck | None = None) -> Pack:
        health = None if check is None else Health(check, self._health, self._store.health_check)
        return validate_pack(self._store.read_pack(self.task, release), self.task, release, engine, health)

    def _slots(self) -> Slots:
        return self._store.read_slots(self.task)

    def _accepting_slots(self, release: Release) -> Slots:
        if release.path != self.path:
            raise InputError(f"release {release.number} of {release.path} is for another base; check again")
        slots = self._slots()
        if not slots.accepts(release):
            raise UpdateError(
                f"release {release.number} of {self.task!r} is active, older than the active one, or was rejected; "
                "check again"
            )
        return slots

    def _check_version_floor(self, slots: Slots, number: int) -> None:
        floor = self._store.read_version_floor().raised(0, {self.path: slots.newest})
        floor.check_release(self.path, number)
