"""An application on a device: an engine, a store, and the publisher that it trusts."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from bitfit_runtime import Base, Engine, Pack
from bitfit_runtime.canary import make_canary
from bitfit_runtime.errors import BitfitError, UnpublishedError
from bitfit_runtime.updates import NetworkOptions, Updater, UpdateResult
from bitfit_runtime.updates.validation import HealthCheck
from support.packs import random_pack
from support.signed_folder import Server, SignedFolder, serving

HASTY = NetworkOptions(timeout=0.5, deadline=1, retry_delay=0, proxy="")
TEXT = "some text"


class Device:
    """An application with an engine, its store, and the publisher that it trusts."""

    def __init__(self, folder: Path, base: Base, engine: Engine, published: SignedFolder, server: Server) -> None:
        self.base, self.engine, self.published, self.server = base, engine, published, server
        self.store = folder / "store"
        self.now = datetime.now(UTC)
        self.updater = self.open()

    def open(self, tasks: Sequence[str] = ("mood", "spam")) -> Updater:
        """What the application does when it starts."""
        root = self.published.first_root
        return Updater(
            self.store, self.server.url, root, self.base, tasks,
            network=HASTY, clock=lambda: self.now, lock_timeout=0.1,
        )  # fmt: skip

    def run(self, engine: Engine | None = None, health: HealthCheck | None = None) -> tuple[UpdateResult, ...]:
        """What a round gave for the tasks that were published."""
        results = self.updater.run(engine or self.engine, health)
        return tuple(result for result in results if not isinstance(result.error, UnpublishedError))

    def sign(self, pack: Pack) -> Pack:
        """Give a pack a canary of this device's engine."""
        return make_canary(self.engine, pack)

    def publish(self, task: str, number: int, seed: int) -> Pack:
        """Publish a random pack with a canary."""
        pack = self.sign(random_pack(self.base, seed))
        self.published.publish({task: (number, pack)})
        return pack

    def update(self, task: str, number: int, seed: int) -> Pack:
        """Publish a pack and make it active."""
        pack = self.publish(task, number, seed)
        [result] = self.run()
        assert result.error is None
        return pack

    def refuses(self, error: type[BitfitError], words: str, task: str = "mood") -> None:
        """Assert that a check refuses this task alone, and why."""
        found = self.updater.check()
        with pytest.raises(error, match=words):
            raise found.refused[task]
        assert list(found.refused) == [task] and task not in {release.task for release in found.releases}

    def same(self, engine: Engine, pack: Pack, task: str = "mood") -> bool:
        """Whether an engine's task answers with this pack."""
        expected = engine.fork()
        expected.install("x", pack)
        return np.array_equal(engine.logits(TEXT, task)[0], expected.logits(TEXT, "x")[0])

    def answers(self, pack: Pack, task: str = "mood") -> bool:
        """Whether the engine answers with this pack, and a restarted application too."""
        restarted = self.engine.fork()
        self.open().install(restarted)
        return self.same(self.engine, pack, task) and self.same(restarted, pack, task)

    def files(self) -> dict[Path, int]:
        """When each file of the store was written."""
        return {path: path.stat().st_mtime_ns for path in self.store.rglob("*") if path.is_file()}


@pytest.fixture
def device(base: Base, engine: Engine, tmp_path: Path) -> Iterator[Device]:
    published = SignedFolder(tmp_path / "site", base.manifest.digest)
    with serving(published.folder) as server:
        yield Device(tmp_path, base, engine, published, server)
