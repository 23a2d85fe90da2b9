"""Two lost root keys: a new repository takes over the store. And a store that saw many bases stays small."""

import contextlib
import hashlib
import io
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from bitfit_runtime.errors import RollbackError, StoreError
from bitfit_runtime.updates import Updater
from bitfit_runtime.updates.slots import Slots, StoredRelease, parse_slots
from bitfit_runtime.updates.store import FLOOR_BYTES, Store
from bitfit_runtime.updates.version_floor import VersionFloor
from support.device import HASTY, Device
from support.packs import random_pack
from support.signed_folder import SignedFolder, serving


def follow(device: Device, published: SignedFolder, url: str, root: bytes | None = None) -> Updater:
    """The application after its own update: it ships the root of a repository."""
    return Updater(
        device.store, url, root or published.first_root, device.base, ["mood"],
        network=HASTY, clock=lambda: device.now, lock_timeout=1,
    )  # fmt: skip


def replace_root_keys(published: SignedFolder, times: int) -> bytes:
    for _ in range(times):
        published.replace_key("root")
    return (published.folder / "metadata" / f"{published.root.version}.root.json").read_bytes()


def test_a_new_repository_takes_over_a_store_after_two_root_keys_were_lost(device: Device, tmp_path: Path) -> None:
    replace_root_keys(device.published, 3)
    for number in (4, 5):
        device.update("mood", number, seed=number)
    fifth = device.sign(random_pack(device.base, 5))
    device.publish("mood", 6, seed=6)
    device.updater.fetch(device.updater.check().releases[0])
    new = SignedFolder(tmp_path / "new", device.base.manifest.digest)
    with serving(new.folder) as server:
        updater = follow(device, new, server.url)
        new.commit()
        found = updater.check()
        assert (found.releases, found.unpublished) == ((), ())
        assert device.answers(fifth), "what was active goes on answering"
        status = updater.status().tasks[0]
        assert (status.active, status.previous, status.staged, status.rejected) == (5, 4, None, 0)

        first = device.sign(random_pack(device.base, 11))
        new.publish({"mood": (1, first)})
        assert [result.active for result in updater.run(device.engine)] == [True]
        assert device.same(device.engine, first)
        updater.roll_back("mood", device.engine)
        assert device.same(device.engine, fifth)
        assert updater.check().releases == (), "release 1 was rolled back"
        second = device.sign(random_pack(device.base, 12))
        new.publish({"mood": (2, second)})
        assert [result.active for result in updater.run(device.engine)] == [True]
        assert device.same(device.engine, second)

        new.publish({"mood": (1, first)})
        assert isinstance(updater.check().refused["mood"], RollbackError), "the floor of the new one holds"


def test_a_newer_root_of_the_same_repository_keeps_the_version_floor(device: Device) -> None:
    device.update("mood", 5, seed=5)
    newer = replace_root_keys(device.published, 1)
    updater = follow(device, device.published, device.server.url, newer)
    device.publish("mood", 4, seed=4)
    for _ in range(2):
        assert isinstance(updater.check().refused["mood"], RollbackError)
    [pointer] = device.store.glob("tasks/*/mood/pointer.json")
    assert json.loads(pointer.read_bytes())["schema_version"] == 1


def test_beginning_anew_is_repeated_after_an_interruption(
    device: Device, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    device.update("mood", 5, seed=5)
    new = SignedFolder(tmp_path / "new", device.base.manifest.digest)
    new.publish({"mood": (1, device.sign(random_pack(device.base, 11)))})
    with serving(new.folder) as server:
        with monkeypatch.context() as patch:
            patch.setattr(Path, "unlink", _fails)
            with pytest.raises(StoreError):
                follow(device, new, server.url).check()
        assert [result.active for result in follow(device, new, server.url).run(device.engine)] == [True]


@pytest.mark.parametrize("folder", ["metadata/root_history", "metadata", "tasks", "tasks/*", "tasks/*/mood"])
def test_a_folder_that_cannot_be_listed_is_not_taken_for_an_empty_one(
    device: Device, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    active = device.update("mood", 5, seed=5)
    new = SignedFolder(tmp_path / "new", device.base.manifest.digest)
    new.publish({"mood": (1, device.sign(random_pack(device.base, 11)))})
    [denied] = device.store.glob(folder)

    def denying(function: Callable[..., object]) -> Callable[..., object]:
        def call(path: object = ".", *others: object, **more: object) -> object:
            if str(path) in (str(denied), str(denied / "pointer.json")):
                raise PermissionError(13, "Permission denied", str(path))
            return function(path, *others, **more)

        return call

    with serving(new.folder) as server:
        with monkeypatch.context() as patch:
            for name in ("scandir", "listdir"):
                patch.setattr(os, name, denying(getattr(os, name)))
            patch.setattr(io, "open", denying(io.open))
            with contextlib.suppress(StoreError):  # a sweep of temporary files may meet it alone
                follow(device, new, server.url).check()
        assert device.answers(active)
        assert [result.active for result in follow(device, new, server.url).run(device.engine)] == [True]


def _fails(*_: object, **__: object) -> None:
    raise OSError(5, "Input/output error")


def test_slots_of_a_former_repository_read_back_and_bound_nothing() -> None:
    active, previous = StoredRelease(9, "a" * 64), StoredRelease(8, "b" * 64)
    slots = Slots(active, previous, StoredRelease(10, "c" * 64), rejected=7).of_former_repository()
    assert (slots.newest, slots.rejected, slots.staged) == (0, 0, None)
    document = json.loads(slots.to_json())
    assert document["schema_version"] == 2 and document["active"]["former"] is True
    assert parse_slots(slots.to_json(), "p") == slots
    assert slots.roll_back().rejected == 0


def digest(number: int) -> str:
    return f"sha256:{hashlib.sha256(str(number).encode()).hexdigest()}"


def raised(store: Store, number: int, tasks: int) -> None:
    folder = digest(number)[7:23]
    floor = store.read_version_floor().raised(1, {f"{folder}/task-{i}.safetensors": 3 for i in range(tasks)})
    store.raise_version_floor(floor)


@pytest.mark.parametrize(("bases", "tasks"), [(60, 3), (8, 3000)])
def test_a_store_that_sees_ever_new_bases_keeps_a_small_floor(tmp_path: Path, bases: int, tasks: int) -> None:
    for number in range(bases):
        raised(Store(tmp_path, digest(number)), number, tasks)
        os.utime(tmp_path / "tasks" / digest(number)[7:23], (number, number))
        assert (tmp_path / "floor.json").stat().st_size <= FLOOR_BYTES
    kept = {path.partition("/")[0] for path in Store(tmp_path, digest(0)).read_version_floor().releases}
    assert digest(bases - 1)[7:23] in kept and digest(bases - 2)[7:23] in kept and digest(0)[7:23] not in kept


def test_the_version_floor_of_a_base_that_is_gone_goes_with_it_and_that_of_another_stays(tmp_path: Path) -> None:
    for number in range(3):
        raised(Store(tmp_path, digest(number)), number, 1)
    (tmp_path / "tasks" / digest(1)[7:23]).rmdir()
    store = Store(tmp_path, digest(2))
    store.raise_version_floor(store.read_version_floor().raised(2, {}))
    assert {path[:16] for path in store.read_version_floor().releases} == {digest(0)[7:23], digest(2)[7:23]}


def test_a_floor_that_grew_before_is_read_and_shrinks(tmp_path: Path) -> None:
    store = Store(tmp_path, digest(0))
    grown = {f"{digest(number)[7:23]}/task.safetensors": 1 for number in range(1, 30_000)}
    (tmp_path / "floor.json").write_bytes(VersionFloor(4, grown).to_json())
    assert (tmp_path / "floor.json").stat().st_size > 1 << 20
    raised(store, 0, 1)
    assert store.read_version_floor() == VersionFloor(4, {f"{digest(0)[7:23]}/task-0.safetensors": 3})
