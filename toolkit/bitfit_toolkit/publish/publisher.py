"""Publisher of a repository: publish, withdraw, refresh, rotate keys, one writer at a time."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from filelock import FileLock, Timeout
from tuf.api.metadata import Root, Snapshot, Targets, Timestamp

from bitfit_runtime import Base, Engine
from bitfit_runtime.arguments import as_path, choice, flag, function, instance, names, real_number
from bitfit_runtime.files import make_folder, read_start
from bitfit_runtime.updates.schema import Release, target_path
from bitfit_toolkit.errors import PublishBusyError, PublishError
from bitfit_toolkit.publish.catalogue import Catalogue
from bitfit_toolkit.publish.commit import Committer, remove_unused, role_signers
from bitfit_toolkit.publish.initial import check_folders, initialize
from bitfit_toolkit.publish.keys import KeyRing
from bitfit_toolkit.publish.packs import Candidate, base_digest, validate_pack
from bitfit_toolkit.publish.plan import Expiry, arrange, find_expiring, is_due, plan_targets
from bitfit_toolkit.publish.repository import Layout, State, read_state
from bitfit_toolkit.publish.rotation import Rotation
from bitfit_toolkit.publish.settings import MAX_DAYS, Lifetimes
from bitfit_toolkit.publish.slips import check_same_kind, check_step


class Publisher:
    """One repository folder and the keys that sign it.

    Every method that writes raises PublishError or one of its subclasses, or OSError; then readers of the folder see
    what they saw before.
    """

    def __init__(
        self,
        repository: str | Path,
        keys: KeyRing | str | Path,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Open a repository; nothing is read or written yet.

        `keys` may be a folder, without root keys: then the passphrase is in `BITFIT_KEY_PASSPHRASE`. `clock` returns
        the time with its zone. Raises InputError, as all methods do for what they cannot take.
        """
        self.layout = Layout(as_path(repository, "repository"))
        self._keys = keys if isinstance(keys, KeyRing) else KeyRing(as_path(keys, "keys"))
        function(clock, "clock", "a function that returns the time")
        self._clock = clock

    def initialize(self, lifetimes: Lifetimes | None = None) -> None:
        """Make keys and an empty repository, which needs a key ring with a folder for root keys.

        All folders should be empty or new. After an interruption, call it again.
        """
        if lifetimes is not None:
            instance(lifetimes, "lifetimes", Lifetimes, "Lifetimes")
        check_folders(self.layout, self._keys)
        make_folder(self._keys.folder, 0o700)
        with self._lock():
            initialize(Committer(self.layout, lifetimes or Lifetimes(), self._clock()), self._keys)

    def state(self) -> State:
        """Return what is committed, which needs no passphrase. Raises RepositoryError, UntrustedUpdateError."""
        return read_state(self.layout, self._first_root())

    def publish(
        self,
        packs: Mapping[str, str | Path],
        base: str | Path | Base | Engine,
        release: int | None = None,
        force: bool = False,
    ) -> list[Release]:
        """Validate pack files on their base and publish them together, by task; return the new releases.

        `base` is the folder of the base, or an engine that runs it; the rest is as in `add`. Raises InputError for a
        task's name, BaseError, PackError or one of its subclasses, CanaryError, and what all methods raise.
        """
        instance(packs, "packs", Mapping, "a mapping of tasks to pack files")
        self.state()  # report a folder that cannot be published into before the base is loaded
        engine = base if isinstance(base, Engine) else Engine(base, threads=1)
        return self.add([validate_pack(engine, task, path) for task, path in packs.items()], release, force)

    def add(self, candidates: Sequence[Candidate], release: int | None = None, force: bool = False) -> list[Release]:
        """Publish validated packs together, each as its task's next release or as number `release`.

        Returns the new releases. A pack whose bytes are those of its task's newest release is skipped, so that a call
        can be repeated. `force` lets a task change its type or labels, and its number by more than `LARGEST_STEP`.
        """
        _check_release(release, force)
        for candidate in candidates:
            instance(candidate, "candidates", Candidate, "a list of what `validate_pack` returns")
        repeated = [name for name, count in Counter((c.base, c.task) for c in candidates).items() if count > 1]
        if repeated:
            raise PublishError(f"task {repeated[0][1]!r} is given twice; publish one pack per task")
        with self._writing() as (state, committer):
            catalogue = state.catalogue
            packs: dict[Path, bytes] = {}
            added: list[Release] = []
            for candidate in candidates:
                path = target_path(candidate.base, candidate.task)
                newest = catalogue.releases.get(path)
                if newest and newest.sha256 == candidate.sha256 and release in (None, newest.number):
                    continue
                new = candidate.release(catalogue.last_number(path) + 1 if release is None else release)
                extended = catalogue.add(new)
                if not force:
                    check_step(candidate.task, new.number, catalogue.last_number(path))
                    if newest is not None:
                        check_same_kind(candidate, newest, read_start(self.layout.pack(newest), newest.size))
                catalogue = extended
                packs[self.layout.pack(new)] = candidate.data
                added.append(new)
            if added:
                self._commit(state, committer, catalogue, packs)
        return added

    def withdraw(self, tasks: Sequence[str], base: str | Path | Base | None = None) -> None:
        """Withdraw tasks of a base; they may be published again with a larger release number.

        `base` is a base or its folder, its digest, or its folder in the repository; by default the only one that has
        packs here. Raises InputError, BaseError, and what all methods raise.
        """
        tasks = names(tasks, "tasks")
        with self._writing() as (state, committer):
            catalogue = state.catalogue
            digest = base_digest(base, catalogue.bases)
            for task in tasks:
                catalogue = catalogue.withdraw(target_path(digest, task))
            self._commit(state, committer, catalogue, {})

    def refresh(self, targets: bool = False, root: bool = False) -> None:
        """Sign the timestamp again, and the snapshot when it is past half of its lifetime.

        `targets` does the same for targets, which needs their key; `root` signs the root again, which needs its keys.
        """
        flag(targets, "targets")
        flag(root, "root")
        with self._writing() as (state, committer):
            if root:
                Rotation(state, self._keys, committer).renew_root()
                state = self.state()
            lifetimes, now = committer.lifetimes, committer.now
            due = plan_targets(state, state.catalogue, lifetimes, now) if targets else {}
            snapshot = is_due(state, Snapshot.type, lifetimes, now)
            committer.publish(committer.prepare(state, role_signers(self._keys, state.root), due, snapshot=snapshot))
            remove_unused(self.layout, state, self.state(), now)

    def expiring(self, days: float) -> list[Expiry]:
        """Return what has expired, or does so within `days` and is past half of its lifetime. Needs no passphrase.

        Raises RepositoryError, UntrustedUpdateError, PublishError.
        """
        days = real_number(days, "days", 0, MAX_DAYS, "days")
        return find_expiring(self.state(), Lifetimes.read(self._keys.settings_path), self._clock(), timedelta(days))

    def rotate_key(self, role: str, key: str = "", lost: bool = False) -> None:
        """Replace the key of a role; for the root, the one whose id begins with `key`.

        `lost` is for the key of another role that cannot sign any more. After an interruption, call it again.
        """
        choice(role, "role", (Root.type, Targets.type, Snapshot.type, Timestamp.type))
        instance(key, "key", str, "the beginning of a key's id")
        flag(lost, "lost")
        if role == Root.type and lost:
            raise PublishError("a lost root key is replaced as any other, it does not sign itself; leave out `lost`")
        if role != Root.type and key:
            raise PublishError(f"{role} has only one key, there is nothing to choose; leave out `key`")
        with self._writing(former_keys=lost) as (state, committer):
            rotation = Rotation(state, self._keys, committer)
            if role == Root.type:
                rotation.replace_root_key(key)
            else:
                rotation.replace_key(role, lambda new: arrange(state, state.catalogue, new), lost)
            remove_unused(self.layout, state, self.state(), committer.now)

    def _commit(self, state: State, committer: Committer, catalogue: Catalogue, packs: Mapping[Path, bytes]) -> None:
        targets = plan_targets(state, catalogue, committer.lifetimes, committer.now)
        committer.publish(committer.prepare(state, role_signers(self._keys, state.root), targets, packs))
        remove_unused(self.layout, state, self.state(), committer.now)  # reading the state verifies what was written

    @contextmanager
    def _writing(self, former_keys: bool = False) -> Iterator[tuple[State, Committer]]:
        lifetimes = Lifetimes.read(self._keys.settings_path)
        with self._lock():
            committer = Committer(self.layout, lifetimes, self._clock())
            yield read_state(self.layout, self._first_root(), former_keys), committer

    @contextmanager
    def _lock(self) -> Iterator[None]:
        try:
            with FileLock(self._keys.folder / ".lock", timeout=0):
                yield
        except Timeout:
            raise PublishBusyError(f"another process is using the keys in {self._keys.folder}; try again") from None

    def _first_root(self) -> bytes:
        try:
            return self._keys.root_path.read_bytes()
        except FileNotFoundError:
            raise PublishError(
                f"{self._keys.root_path} is missing, the root from which a repository is verified; create one with "
                "'bitfit publish init', or restore the folder from a backup"
            ) from None


def _check_release(release: int | None, force: bool) -> None:
    flag(force, "force")
    if release is not None:
        instance(release, "release", int, "a whole number")
