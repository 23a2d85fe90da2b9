"""A device against a live server: what it takes, what it refuses, and that it never stops answering."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from bitfit_runtime import Base, Engine, Pack
from bitfit_runtime.canary import make_canary
from bitfit_runtime.updates import NetworkOptions, Updates
from conftest import random_pack
from signed_folder import Server, SignedFolder, serving

HASTY = NetworkOptions(timeout=0.5, patience=1, pause=0, proxy="")
TEXT = "some text"


class Device:
    """An application with an engine, its store, and the publisher that it trusts."""

    def __init__(self, folder: Path, base: Base, engine: Engine, published: SignedFolder, server: Server) -> None:
        self.base, self.engine, self.published, self.server = base, engine, published, server
        self.store = folder / "store"
        self.now = datetime.now(UTC)
        self.updates = self.open()

    def open(self) -> Updates:
        """What the application does when it starts."""
        root = self.published.first_root
        return Updates(
            self.store, self.server.url, root, self.base, ["mood", "spam"],
            network=HASTY, clock=lambda: self.now, wait=0.1,
        )  # fmt: skip

    def publish(self, task: str, number: int, seed: int) -> Pack:
        """Publish a random pack with a canary."""
        pack = make_canary(self.engine, random_pack(self.base, seed))
        self.published.publish({task: (number, pack)})
        return pack

    def update(self) -> None:
        """Check, fetch and activate everything, with no failure."""
        assert [outcome.error for outcome in self.updates.run(self.engine)] != []
        assert all(outcome.active for outcome in self.updates.run(self.engine))

    def answers(self, pack: Pack, task: str = "mood") -> bool:
        """Whether the engine answers with this pack, and a restarted application too."""
        expected = self.engine.sibling()
        expected.install("x", pack)
        restarted = self.engine.sibling()
        self.open().install(restarted)
        wanted = expected.logits(TEXT, "x")[0]
        return all(np.array_equal(one.logits(TEXT, task)[0], wanted) for one in (self.engine, restarted))


@pytest.fixture
def device(base: Base, engine: Engine, tmp_path: Path) -> Iterator[Device]:
    published = SignedFolder(tmp_path / "site", base.manifest.digest)
    with serving(published.folder) as server:
        yield Device(tmp_path, base, engine, published, server)


def test_a_release_is_checked_fetched_activated_and_gone_back_from(device: Device) -> None:
    first, updates = device.publish("mood", 1, seed=1), device.updates
    [release] = updates.check().releases
    assert (release.task, release.number) == ("mood", 1)
    updates.fetch(release)
    assert not device.engine.tasks
    updates.activate("mood", device.engine)
    assert device.answers(first)
    assert updates.check().releases == ()

    second = device.publish("mood", 2, seed=2)
    [outcome] = updates.run(device.engine)
    assert outcome.active and device.answers(second)

    updates.rollback("mood", device.engine)
    assert device.answers(first)
    assert updates.check().releases == (), "what was gone back from is not offered again"
    third = device.publish("mood", 3, seed=3)
    updates.run(device.engine)
    assert device.answers(third)


def test_an_idle_check_writes_nothing_and_asks_for_two_files(device: Device) -> None:
    device.publish("mood", 1, seed=1)
    device.update()
    before = {path: path.stat().st_mtime_ns for path in device.store.rglob("*") if path.is_file()}
    device.server.seen.clear()
    received = device.updates.network.received
    assert device.updates.check().releases == ()
    assert device.server.seen == ["/metadata/2.root.json", "/metadata/timestamp.json"]
    assert device.updates.network.received > received
    assert {path: path.stat().st_mtime_ns for path in device.store.rglob("*") if path.is_file()} == before
