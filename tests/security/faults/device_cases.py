"""What a device does with its store, and what must hold of the store afterwards."""

import hashlib
import shutil
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from bitfit_runtime import Base, Engine, Pack
from bitfit_runtime.canary import make_canary
from bitfit_runtime.errors import BitfitError
from bitfit_runtime.formats import serialize
from bitfit_runtime.updates import NetworkOptions, Updater
from bitfit_runtime.updates.schema import target_path
from bitfit_runtime.updates.store import Store
from security.faults.trial import Operation, Verdict
from support.packs import random_pack
from support.signed_folder import SignedFolder, serving

TASK: Final = "mood"
TEXT: Final = "some text"
STORE: Final = Path("data", "store")
NETWORK: Final = NetworkOptions(timeout=10, deadline=30, retry_delay=0, proxy="")
LAST: Final = 9  # the release that follows whatever went wrong


class World:
    """A base, an engine, packs by release, and servers of the repository as it is for the operation and after it."""

    def __init__(self, folder: Path, base: Base, servers: ExitStack) -> None:
        self.folder, self.base = folder, base
        self.engine = Engine(base, threads=1)
        self.packs = {number: self._pack(number) for number in (1, 2, 3, LAST)}
        self.releases = {hashlib.sha256(serialize(pack)).hexdigest(): number for number, pack in self.packs.items()}
        self._answers = {self._answer(self._holding(pack)): number for number, pack in self.packs.items()}
        self._servers = servers

    def _pack(self, seed: int) -> Pack:
        return make_canary(self.engine, random_pack(self.base, seed))

    def _holding(self, pack: Pack) -> Engine:
        engine = self.engine.fork()
        engine.install(TASK, pack)
        return engine

    def _answer(self, engine: Engine) -> bytes:
        return engine.logits(TEXT, TASK)[0].tobytes()

    def active(self, engine: Engine) -> int | None:
        """Which release answers; None where none does. Raises KeyError for anything else."""
        return self._answers[self._answer(engine)] if TASK in engine.tasks else None

    def serve(self, folder: Path) -> str:
        """Serve the folder as it is now."""
        return self._servers.enter_context(serving(folder)).url

    def open(self, store: Path, url: str, root: bytes) -> Updater:
        return Updater(store, url, root, self.base, [TASK], network=NETWORK, lock_timeout=0.05)


@dataclass
class DeviceCase:
    """One operation. `before` and `after` are the releases that may answer; `floor` is what was lowest before.

    `numbers` are those that the application's repository gives to releases, where they are others than the packs'.
    """

    name: str
    world: World
    store: Path | None  # None: it was never started
    root: bytes
    now: str  # address of the repository for the operation
    later: str  # the same, after another publication
    act: Callable[[Updater, Engine], object]
    before: int | None
    after: int | None
    floor: int = 0
    settles: int | None = None  # what answers after an update from `now`
    damaged: bool = False  # start-up may report a damaged pack
    refused: bool = False  # the release at `now` is a bad one
    numbers: Mapping[int, int] = field(default_factory=dict)

    def prepare(self, folder: Path) -> None:
        if self.store is not None:
            shutil.copytree(self.store, folder / STORE)

    def start(self, folder: Path) -> Operation:
        return Running(self, folder / STORE)

    def judge(self, folder: Path) -> Verdict:
        world, store = self.world, folder / STORE
        lowered = self.lowered(store)
        engine, updater = world.engine.fork(), world.open(store, self.now, self.root)
        torn = stuck = ""
        try:
            problems = updater.install(engine)
            active = world.active(engine)
            if (problems and not self.damaged) or active not in (self.before, self.after):
                torn = f"release {active} answers, of {self.before} and {self.after}; {problems}"
        except Exception as error:
            torn = f"{type(error).__name__}: {error}"
        try:
            self.settle(updater, engine, store)
        except Exception as error:
            stuck = f"{type(error).__name__}: {error}"
        return Verdict(torn, lowered, stuck)

    def lowered(self, store: Path) -> str:
        """Compare the floor's own file with what was there, and with what is known here."""
        kept, packs = Store(store, self.world.base.manifest.digest), store.rglob("*.safetensors")
        try:
            lowest = kept.read_version_floor().releases.get(target_path(self.world.base.manifest.digest, TASK), 0)
            releases = [self.world.releases.get(path.stem, 0) for path in packs]
            known = max(kept.read_slots(TASK).newest, *(self.numbers.get(number, number) for number in releases), 0)
        except BitfitError as error:
            return str(error)
        return f"floor {lowest}, was {self.floor}, {known} known" if lowest < max(self.floor, known) else ""

    def try_again(self, updater: Updater, engine: Engine) -> None:
        """Update to what is published now. Raises AssertionError and errors of the updater."""
        results = updater.run(engine)
        assert self.refused or all(result.active for result in results), results
        assert self.world.active(engine) in ({self.before, self.after} if self.settles is None else {self.settles})

    def settle(self, updater: Updater, engine: Engine, store: Path) -> None:
        """Update to what is published now, then to what comes later. Raises what `try_again` raises."""
        self.try_again(updater, engine)
        [result] = self.world.open(store, self.later, self.root).run(engine)
        assert result.active, result.error
        assert self.world.active(engine) == LAST


class Running:
    """The operation on an engine that answered already."""

    expected: tuple[type[Exception], ...] = (BitfitError,)

    def __init__(self, case: DeviceCase, store: Path) -> None:
        self._case, self._engine = case, case.world.engine.fork()
        self._updater = case.world.open(store, case.now, case.root)
        if store.exists() and not case.damaged:
            self._updater.install(self._engine)

    def run(self) -> None:
        self._case.act(self._updater, self._engine)

    def go_on(self) -> None:
        case = self._case
        assert case.world.active(self._engine) in (None if case.damaged else case.before, case.before, case.after)
        case.try_again(self._updater, self._engine)


def update(updater: Updater, engine: Engine) -> None:
    for result in updater.run(engine):
        if result.error is not None:
            raise result.error


def roll_back(updater: Updater, engine: Engine) -> None:
    updater.roll_back(TASK, engine)


def start_up(updater: Updater, engine: Engine) -> None:
    updater.install(engine)


def device_cases(world: World) -> list[DeviceCase]:
    """Everything that writes to a store."""
    published = SignedFolder(world.folder / "site", world.base.manifest.digest)
    root, stores = published.first_root, world.folder

    def publish(number: int, pack: Pack | None = None, name: str = "") -> str:
        published.publish({TASK: (number, pack or world.packs[number])})
        return world.serve(shutil.copytree(published.folder, world.folder / f"site-{number}{name}"))

    def store(name: str, urls: list[str]) -> Path:
        for url in urls:
            update(world.open(stores / name, url, root), world.engine.fork())
        return stores / name

    first, second = publish(1), publish(2)
    third = publish(3)
    canary = world.packs[3].canary
    assert canary is not None
    bad = replace(world.packs[3], canary=replace(canary, expected=canary.expected + 1))
    refused = publish(3, bad, "-bad")
    for role in ("root", "timestamp"):
        published.replace_key(role)
    rotated = publish(3, name="-rotated")
    later = publish(LAST)
    two = store("two", [first, second])
    damaged = shutil.copytree(two, stores / "damaged")
    [pack] = [path for path in damaged.rglob("*.safetensors") if path.stem == _digest(damaged, world)]
    pack.write_bytes(b"torn")
    another = SignedFolder(world.folder / "another", world.base.manifest.digest)

    def publish_another(number: int, pack: int) -> str:
        another.publish({TASK: (number, world.packs[pack])})
        return world.serve(shutil.copytree(another.folder, world.folder / f"another-{number}"))

    def case(name: str, store: Path | None, now: str, act: Callable[[Updater, Engine], object],
             before: int | None, after: int | None, **more: object) -> DeviceCase:  # fmt: skip
        return DeviceCase(name, world, store, root, now, later, act, before, after, **more)  # type: ignore[arg-type]

    # The root is new, and so are the numbers; those of the former one bound nothing once the slots say so.
    anew = replace(
        case("update, another repository", two, publish_another(1, 3), update, 2, 3, settles=3),
        root=another.first_root,
        later=publish_another(2, LAST),
        numbers={1: 0, 2: 0, 3: 1, LAST: 2},
    )
    return [
        case("first update", None, first, update, None, 1, settles=1),
        case("update", two, third, update, 2, 3, floor=2, settles=3),
        case("update, keys replaced", two, rotated, update, 2, 3, floor=2, settles=3),
        case("update, bad release", two, refused, update, 2, 2, floor=2, settles=2, refused=True),
        case("rollback", two, second, roll_back, 2, 1, floor=2),
        anew,
        case("start, damaged pack", damaged, second, start_up, 1, 1, floor=2, settles=2, damaged=True),
    ]


def _digest(folder: Path, world: World) -> str:
    active = Store(folder, world.base.manifest.digest).read_slots(TASK).active
    assert active is not None
    return active.sha256
