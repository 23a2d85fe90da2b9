"""Everything that is done to a repository, by one writer at a time."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout
from tuf.api.metadata import Root, Snapshot

from bitfit_runtime.files import make_folder
from bitfit_runtime.updates.schema import Release, target_path
from bitfit_toolkit.errors import PublishBusyError, PublishError
from bitfit_toolkit.publish.catalogue import Catalogue
from bitfit_toolkit.publish.commit import Committer, clear, role_signers
from bitfit_toolkit.publish.initial import check_folders, initialize
from bitfit_toolkit.publish.keys import KeyRing
from bitfit_toolkit.publish.packs import Candidate
from bitfit_toolkit.publish.plan import arrange, is_due, plan_targets
from bitfit_toolkit.publish.repository import Layout, State, read_state
from bitfit_toolkit.publish.rotation import Rotation
from bitfit_toolkit.publish.settings import Lifetimes


class Publisher:
    """One repository folder and the keys that sign it.

    `clock` tells the time, with its zone. Every method that writes raises PublishError or one of its subclasses, or
    OSError; then readers of the folder see what they saw before.
    """

    def __init__(
        self, repository: Path, keys: KeyRing, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self.layout = Layout(repository)
        self._keys = keys
        self._clock = clock

    def initialize(self, lifetimes: Lifetimes) -> None:
        """Make keys and an empty repository; both folders should be empty or new."""
        check_folders(self.layout, self._keys)
        make_folder(self._keys.folder, 0o700)
        with self._lock():
            initialize(Committer(self.layout, lifetimes, self._clock()), self._keys)

    def state(self) -> State:
        """Return what is committed, which needs no passphrase. Raises RepositoryError, UntrustedUpdateError."""
        return read_state(self.layout, self._anchor())

    def add(self, candidates: Sequence[Candidate], number: int | None = None) -> list[Release]:
        """Publish packs together, each as its task's next release or as release `number`; return what is new.

        A pack whose bytes are those of its task's newest release is passed over, so that a command can be given again.
        """
        repeated = [name for name, count in Counter((c.base, c.task) for c in candidates).items() if count > 1]
        if repeated:
            raise PublishError(f"task {repeated[0][1]!r} is given twice; publish one pack a task")
        with self._writing() as (state, committer):
            catalogue = state.catalogue
            packs: dict[Path, bytes] = {}
            added: list[Release] = []
            for candidate in candidates:
                path = target_path(candidate.base, candidate.task)
                newest = catalogue.releases.get(path)
                if newest and newest.sha256 == candidate.sha256 and number in (None, newest.number):
                    continue
                release = candidate.release(catalogue.last(path) + 1 if number is None else number)
                catalogue = catalogue.add(release)
                packs[self.layout.pack(release)] = candidate.data
                added.append(release)
            if added:
                self._publish(state, committer, catalogue, packs)
        return added

    def remove(self, base: str, tasks: Sequence[str]) -> None:
        """Take tasks of a base back; they may come again with a larger release number."""
        with self._writing() as (state, committer):
            catalogue = state.catalogue
            for task in tasks:
                catalogue = catalogue.remove(target_path(base, task))
            self._publish(state, committer, catalogue, {})

    def refresh(self, targets: bool = False, root: bool = False) -> None:
        """Sign the timestamp again, and the snapshot when it is past half of its time.

        `targets` does so for targets too, which needs their key; `root` signs the root again, which needs its keys.
        """
        with self._writing() as (state, committer):
            if root:
                Rotation(state, self._keys, committer).renew_root()
                state = self.state()
            lifetimes, now = committer.lifetimes, committer.now
            due = plan_targets(state, state.catalogue, lifetimes, now) if targets else {}
            snapshot = is_due(state, Snapshot.type, lifetimes, now)
            committer.publish(committer.prepare(state, role_signers(self._keys, state.root), due, snapshot=snapshot))
            clear(self.layout, state, self.state())

    def rotate_key(self, role: str, keyid: str = "", lost: bool = False) -> None:
        """Replace the key of a role; of the root, the one whose id begins with `keyid`.

        `lost` is for the key of another role that cannot sign any more.
        """
        if role == Root.type and lost:
            raise PublishError("a root key is replaced without signing itself, lost or not; leave out --lost")
        if role != Root.type and keyid:
            raise PublishError(f"{role} has one key, so none is chosen; leave out --key")
        with self._writing(former_keys=lost) as (state, committer):
            rotation = Rotation(state, self._keys, committer)
            if role == Root.type:
                rotation.replace_root_key(keyid)
            else:
                rotation.replace_key(role, lambda key: arrange(state, state.catalogue, key), lost)
            clear(self.layout, state, self.state())

    def _publish(self, state: State, committer: Committer, catalogue: Catalogue, packs: Mapping[Path, bytes]) -> None:
        targets = plan_targets(state, catalogue, committer.lifetimes, committer.now)
        committer.publish(committer.prepare(state, role_signers(self._keys, state.root), targets, packs))
        clear(self.layout, state, self.state())  # reading it again proves what was written

    @contextmanager
    def _writing(self, former_keys: bool = False) -> Iterator[tuple[State, Committer]]:
        lifetimes = Lifetimes.read(self._keys.settings)
        with self._lock():
            committer = Committer(self.layout, lifetimes, self._clock())
            yield read_state(self.layout, self._anchor(), former_keys), committer

    @contextmanager
    def _lock(self) -> Iterator[None]:
        try:
            with FileLock(self._keys.folder / ".lock", timeout=0):
                yield
        except Timeout:
            raise PublishBusyError(f"another command uses the keys in {self._keys.folder}; try again") from None

    def _anchor(self) -> bytes:
        try:
            return self._keys.anchor.read_bytes()
        except FileNotFoundError:
            raise PublishError(
                f"{self._keys.anchor} is missing, the root by which a repository is trusted; make one with "
                "'bitfit publish init', or restore the folder from your copy"
            ) from None
