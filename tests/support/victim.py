"""A device that is attacked: up to date with a real publisher's folder, and looked at afterwards."""

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from tuf.api.metadata import Root

from bitfit_runtime import Base, Engine, Pack
from bitfit_runtime.formats import serialize
from bitfit_runtime.updates.schema import target_path
from bitfit_runtime.updates.version_floor import parse_version_floor
from bitfit_toolkit.publish import Candidate, validate_pack
from bitfit_toolkit.publish.catalogue import FLAT_TASKS
from support.attacker import Attacker
from support.device import Device
from support.publishing import candidate, make_keys, make_publisher, new_publisher
from support.signed_folder import Server, serving

HONEST_RELEASE = 100


class Publishing:
    """The publisher, as `Device` asks for one."""

    def __init__(self, folder: Path, engine: Engine) -> None:
        self.publisher = make_publisher(folder)
        self.first_root = (folder / "keys" / "root.json").read_bytes()
        self._engine, self._file = engine, folder / "pack.safetensors"

    def validate(self, task: str, pack: Pack) -> Candidate:
        """What the publisher checks before it publishes a pack."""
        self._file.write_bytes(serialize(pack))
        return validate_pack(self._engine, task, self._file)

    def publish(self, packs: Mapping[str, tuple[int, Pack]]) -> None:
        for task, (number, pack) in packs.items():
            self.publisher.add([self.validate(task, pack)], number)


class Victim(Device):
    """Release 2 of `mood` answers; `old` is the repository when release 1 was the newest."""

    def __init__(self, folder: Path, base: Base, engine: Engine, server: Server, active: Pack) -> None:
        super().__init__(folder, base, engine, Publishing(folder, engine), server)
        self.folder, self.active = folder, active
        self.site, self.old = folder / "site", folder / "old"
        self.path = target_path(base.manifest.digest, "mood")
        self.updater.install(engine)
        self.version_floor = self.read_version_floor()

    def attack(self, *stolen: str) -> Attacker:
        """Let an attacker answer, who stole the keys of some roles (of the root, one of three)."""
        root = self.published.publisher.state().root
        keys = {role: make_keys(self.folder).signer(role, root.keys[root.roles[role].keyids[0]]) for role in stolen}
        return Attacker(self.site, self.server, keys)

    def replace_keys(self, *roles: str) -> None:
        """What the publisher does after a theft."""
        for role in roles:
            publisher = self.published.publisher
            publisher.rotate_key(role, publisher.state().root.roles[role].keyids[0] if role == Root.type else "")

    def pack_path(self, task: str = "mood") -> str:
        """Where the newest pack of a task is in the repository."""
        state = self.published.publisher.state()
        release = state.catalogue.releases[target_path(self.base.manifest.digest, task)]
        return self.published.publisher.layout.pack(release).relative_to(self.site).as_posix()

    def read_version_floor(self) -> Mapping[str, int]:
        """The version floor as it is on disk, root included."""
        floor = parse_version_floor((self.store / "floor.json").read_bytes(), "floor")
        return {**floor.releases, Root.type: floor.root}

    def check_unharmed(self) -> None:
        """What was active answers to the bit, no version floor is lower, and the next honest release is accepted."""
        assert self.answers(self.active)
        found = self.read_version_floor()
        assert {path: number for path, number in self.version_floor.items() if found.get(path, 0) < number} == {}
        self.server.interfere = lambda handler: False
        assert self.answers(self.update("mood", HONEST_RELEASE, seed=HONEST_RELEASE))


@dataclass(frozen=True)
class Scene:
    """Folders of a publisher and of a device that was up to date with it, to be copied."""

    folder: Path
    base: Base
    engine: Engine
    active: Pack


def _stage(folder: Path, base: Base, tasks: int) -> Scene:
    engine = Engine(base, threads=1)
    publisher = new_publisher(folder)
    publisher.add([candidate(f"other-{i}", base=base.manifest.digest) for i in range(tasks)])
    with serving(folder / "site") as server:
        device = Device(folder, base, engine.fork(), Publishing(folder, engine), server)
        device.update("spam", 1, seed=5)
        device.update("mood", 1, seed=1)
        shutil.copytree(folder / "site", folder / "old")
        active = device.update("mood", 2, seed=2)
    return Scene(folder, base, engine, active)


@pytest.fixture(scope="session")
def flat_scene(base: Base, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return _stage(tmp_path_factory.mktemp("flat"), base, tasks=0)


@pytest.fixture(scope="session")
def bins_scene(base: Base, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return _stage(tmp_path_factory.mktemp("bins"), base, tasks=FLAT_TASKS)


def _attacked(scene: Scene, folder: Path) -> Iterator[Victim]:
    shutil.copytree(scene.folder, folder, dirs_exist_ok=True)
    with serving(folder / "site") as server:
        victim = Victim(folder, scene.base, scene.engine.fork(), server, scene.active)
        yield victim
        victim.check_unharmed()


@pytest.fixture
def victim(flat_scene: Scene, tmp_path: Path) -> Iterator[Victim]:
    """A device that must be unharmed after the test, whose publisher lists tasks in one role."""
    yield from _attacked(flat_scene, tmp_path)


@pytest.fixture
def victim_of_bins(bins_scene: Scene, tmp_path: Path) -> Iterator[Victim]:
    """The same, whose publisher lists tasks in hash bins."""
    yield from _attacked(bins_scene, tmp_path)
