"""A device against a live server: what it takes, what it refuses, and that it never stops answering."""

import errno
import hashlib
import os
import shutil
from dataclasses import replace
from datetime import timedelta
from http.server import SimpleHTTPRequestHandler
from types import SimpleNamespace

import pytest
from filelock import FileLock

from bitfit_runtime import Engine
from bitfit_runtime.errors import (
    CanaryError,
    ExpiredError,
    InputError,
    PackError,
    PackMismatchError,
    RollbackError,
    StoreBusyError,
    StoreError,
    UnreachableError,
    UntrustedUpdateError,
    UpdateError,
)
from bitfit_runtime.formats import serialize
from bitfit_runtime.updates.slots import StoredRelease
from bitfit_runtime.updates.store import Store
from bitfit_runtime.updates.validation import HealthCheck
from support.device import Device
from support.packs import random_pack


def test_a_release_is_checked_fetched_activated_and_rolled_back(device: Device) -> None:
    first, updater = device.publish("mood", 1, seed=1), device.updater
    [release] = updater.check().releases
    assert (release.task, release.number) == ("mood", 1)
    updater.fetch(release)
    assert not device.engine.tasks
    updater.activate("mood", device.engine)
    assert device.answers(first)
    assert updater.check().releases == ()

    second = device.update("mood", 2, seed=2)
    assert device.answers(second)
    updater.roll_back("mood", device.engine)
    assert device.answers(first)
    assert updater.check().releases == (), "what was rolled back is not offered again"
    assert device.answers(device.update("mood", 3, seed=3))
    with pytest.raises(UpdateError, match="no fetched release"):
        updater.activate("mood", device.engine)


def test_an_idle_check_writes_nothing_and_asks_for_two_files(device: Device) -> None:
    device.update("mood", 1, seed=1)
    before = device.files()
    device.server.seen.clear()
    assert device.updater.check().releases == ()
    assert device.server.seen == ["/metadata/2.root.json", "/metadata/timestamp.json"]
    assert device.files() == before


def test_two_packs_a_task_are_kept_and_older_ones_removed(device: Device) -> None:
    for number in range(1, 5):
        device.update("mood", number, seed=number)
    assert len(list(device.store.rglob("*.safetensors"))) == 2
    [mood, spam] = device.updater.status().tasks
    assert (mood.active, mood.previous, mood.staged, mood.rejected, mood.version_floor) == (4, 3, None, 0, 4)
    assert (spam.active, spam.version_floor) == (None, 1)


@pytest.mark.parametrize("health", [None, lambda trial: False, lambda trial: 1 / 0])
def test_a_bad_release_leaves_the_old_one_active_and_is_not_taken_again(
    device: Device, health: HealthCheck | None
) -> None:
    good = device.update("mood", 1, seed=1)
    bad = device.sign(random_pack(device.base, 2))
    if health is None:
        assert bad.canary is not None
        bad = replace(bad, canary=replace(bad.canary, expected=bad.canary.expected + 1))
    device.published.publish({"mood": (2, bad)})
    [result] = device.run(health=health)
    assert isinstance(result.error, CanaryError)
    assert device.answers(good)
    assert device.run() == ()
    assert device.updater.status().tasks[0].rejected == 2
    assert device.answers(device.update("mood", 3, seed=3))


def test_the_health_check_sees_the_new_pack_alone_while_the_engine_answers_with_the_old(device: Device) -> None:
    old = device.update("mood", 1, seed=1)
    new = device.publish("mood", 2, seed=2)
    seen = []

    def health(trial: Engine) -> bool:
        seen.append((list(trial.tasks), device.same(trial, new), device.same(device.engine, old)))
        return True

    device.run(health=health)
    assert seen == [(["mood"], True, True)]


def test_a_fetched_release_is_not_activated_once_a_newer_one_or_its_withdrawal_was_seen(device: Device) -> None:
    device.publish("mood", 1, seed=1)
    [release] = device.updater.check().releases
    device.updater.fetch(release)
    device.published.publish({}, withdrawn={"mood": 1})
    device.updater.check()
    with pytest.raises(RollbackError):
        device.updater.activate("mood", device.engine)
    assert not device.engine.tasks


def test_one_bad_task_does_not_hold_up_another(device: Device) -> None:
    device.published.publish({"mood": (1, b"no pack")})
    spam = device.publish("spam", 1, seed=5)
    mood, other = device.run()
    assert isinstance(mood.error, PackError) and other.active
    assert device.answers(spam, "spam")


def test_a_task_below_its_version_floor_is_refused_and_the_others_go_on(device: Device) -> None:
    mood = device.update("mood", 5, seed=1)
    device.update("spam", 1, seed=2)
    device.publish("mood", 4, seed=3)
    spam = device.publish("spam", 2, seed=4)
    refused, taken = device.run()
    assert (refused.task, refused.release, refused.active) == ("mood", None, False)
    assert isinstance(refused.error, RollbackError)
    assert (taken.task, taken.active) == ("spam", True)
    assert device.answers(mood) and device.answers(spam, "spam")
    assert [task.version_floor for task in device.updater.status().tasks] == [5, 2]
    device.refuses(RollbackError, "release 4 .* accepts 5 or later")


def test_unreadable_slots_hold_up_their_task_alone_and_its_version_floor_goes_on_rising(device: Device) -> None:
    mood, _ = device.update("mood", 1, seed=1), device.update("spam", 1, seed=2)
    [pointer] = device.store.glob("tasks/*/mood/pointer.json")
    pointer.write_bytes(b"{")
    device.publish("mood", 3, seed=3)
    spam = device.publish("spam", 2, seed=4)
    refused, taken = device.run()
    assert (refused.task, type(refused.error), taken.task, taken.active) == ("mood", StoreError, "spam", True)
    assert device.same(device.engine, mood) and device.answers(spam, "spam")
    first, second = device.updater.status().tasks
    assert (first.active, first.version_floor, type(first.problem)) == (None, 3, StoreError)
    assert (second.active, second.version_floor, second.problem) == (2, 2, None)
    assert pointer.read_bytes() == b"{", "nothing is taken for it in the meantime"

    pointer.unlink()  # as the message says
    device.publish("mood", 2, seed=5)
    device.refuses(RollbackError, "release 2 .* accepts 3 or later")
    assert device.answers(device.update("mood", 4, seed=6))


def test_slots_that_become_unreadable_after_the_check_hold_up_their_task_alone(device: Device) -> None:
    device.update("mood", 1, seed=1)
    device.publish("mood", 2, seed=2)
    spam = device.publish("spam", 1, seed=3)
    [pointer] = device.store.glob("tasks/*/mood/pointer.json")

    def tear(handler: SimpleHTTPRequestHandler) -> bool:
        if handler.path.endswith(".mood.safetensors"):
            pointer.write_bytes(b"{")
        return False

    device.server.interfere = tear
    torn, taken = device.run()
    assert (torn.task, type(torn.error), taken.task, taken.active) == ("mood", StoreError, "spam", True)
    assert device.answers(spam, "spam")


def test_a_pack_for_another_base_is_refused_before_it_answers(device: Device) -> None:
    pack = random_pack(device.base, 1)
    device.published.publish({"mood": (1, replace(pack, info=replace(pack.info, base="sha256:" + "0" * 64)))})
    [result] = device.run()
    assert isinstance(result.error, PackMismatchError) and not device.engine.tasks


def test_what_is_active_answers_offline_and_after_the_metadata_expired(device: Device) -> None:
    pack = device.update("mood", 1, seed=1)
    assert not device.updater.status().expired
    device.server.interfere = lambda handler: handler.send_error(503) or True  # type: ignore[func-returns-value]
    with pytest.raises(UnreachableError, match="503"):
        device.updater.check()
    assert device.answers(pack)
    device.server.interfere = lambda handler: False
    device.now += timedelta(days=8)
    with pytest.raises(ExpiredError):
        device.updater.check()
    status = device.updater.status()
    assert status.expired and status.expires == device.published.expires
    assert device.answers(pack)


def test_a_root_that_expires_first_is_what_status_tells(device: Device) -> None:
    published = device.published
    with pytest.raises(UnreachableError):
        device.updater.check()  # nothing was published yet
    assert device.updater.status().expires is None
    for version in range(2, 12):  # ten is after nine
        published.root.version, published.root.expires = version, published.expires + timedelta(days=11 - version)
        published.sign_root()
    published.root.version, published.root.expires = 12, published.expires - timedelta(days=1)
    published.sign_root()
    device.update("mood", 1, seed=1)
    device.now = published.root.expires + timedelta(hours=1)
    with pytest.raises(ExpiredError):
        device.updater.check()
    status = device.updater.status()
    assert status.expired and status.expires == published.root.expires


def test_a_stricter_policy_refuses_packs_some_time_after_the_metadata_expired(device: Device) -> None:
    with pytest.raises(ExpiredError, match="never fetched"):
        device.updater.install(device.engine, grace=timedelta(days=1))
    device.update("mood", 1, seed=1)
    device.now = device.published.expires + timedelta(hours=23)
    for grace in (timedelta(days=1), timedelta.max):
        assert device.updater.install(device.engine, grace=grace) == {}
    for wrong in (5, "1 day"):
        with pytest.raises(InputError, match="`grace` should be a timedelta"):
            device.updater.install(device.engine, grace=wrong)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="`engine` should be an Engine"):
        device.updater.install(None)  # type: ignore[arg-type]
    device.now += timedelta(hours=2)
    with pytest.raises(ExpiredError, match="grace"):
        device.updater.install(device.engine, grace=timedelta(days=1))


def test_a_withdrawn_task_is_reported_and_comes_back_with_a_larger_number_alone(device: Device) -> None:
    device.update("mood", 3, seed=1)
    device.published.publish({}, withdrawn={"mood": 3})
    found = device.updater.check()
    assert (found.releases, found.withdrawn) == ((), ("mood",))
    device.publish("mood", 3, seed=2)
    device.refuses(RollbackError, "release 3")
    device.update("mood", 4, seed=2)


def test_nothing_older_comes_back_when_the_cached_metadata_are_emptied(device: Device) -> None:
    device.update("mood", 1, seed=1)
    old = {path: path.read_bytes() for path in device.published.folder.rglob("*.json")}
    newest = device.update("mood", 2, seed=2)
    for path, content in old.items():  # a server that replays what was signed before
        path.write_bytes(content)
    floor = (device.store / "floor.json").read_bytes()
    for path in (device.store / "metadata").rglob("*.json"):
        path.write_bytes(b"")
    for _ in range(2):
        device.refuses(RollbackError, "release 1")
    assert (device.store / "floor.json").read_bytes() == floor
    assert device.answers(newest)


def test_the_slots_hold_the_version_floor_where_its_file_is_lost(device: Device) -> None:
    device.update("mood", 5, seed=1)
    (device.store / "floor.json").unlink()
    shutil.rmtree(device.store / "metadata")
    device.publish("mood", 4, seed=2)
    device.refuses(RollbackError, "release 4")


def test_a_revoked_key_does_not_come_back_when_the_cached_root_is_emptied_and_the_new_one_held_back(
    device: Device,
) -> None:
    pack = device.update("mood", 1, seed=1)
    stolen = device.published.replace_key("timestamp")
    device.published.commit()
    device.updater.check()
    shutil.rmtree(device.store / "metadata")
    device.published.keys["timestamp"] = stolen
    device.published.commit()
    (device.published.folder / "metadata" / "2.root.json").unlink()
    with pytest.raises(RollbackError, match="root"):
        device.updater.check()
    assert device.answers(pack)


def test_an_altered_pack_is_refused_and_the_whole_one_taken_later(device: Device) -> None:
    old, new = device.update("mood", 1, seed=1), device.publish("mood", 2, seed=2)
    whole = serialize(new)
    [path] = (path for path in device.published.folder.rglob("*.mood.safetensors") if path.read_bytes() == whole)
    for altered in (whole[:-1], whole[:-1] + b"\1", whole + b"\0"):
        path.write_bytes(altered)
        [result] = device.run()
        assert isinstance(result.error, UntrustedUpdateError)
        assert device.answers(old)
    path.write_bytes(whole)
    device.run()
    assert device.answers(new)


def test_a_damaged_pack_gives_way_to_the_previous_one_and_is_fetched_again(device: Device) -> None:
    first, second = device.update("mood", 1, seed=1), device.update("mood", 2, seed=2)
    [path] = (path for path in device.store.rglob("*.safetensors") if path.read_bytes() == serialize(second))
    path.write_bytes(b"torn")
    device.engine.remove("mood")
    restarted = device.open()
    assert list(restarted.install(device.engine)) == ["mood"]
    assert device.same(device.engine, first)
    result = restarted.run(device.engine)[-1]
    assert result.active and device.answers(second)


def test_a_pack_that_fails_its_canary_at_start_up_gives_way_for_good(device: Device) -> None:
    first = device.update("mood", 1, seed=1)
    device.update("mood", 2, seed=2)
    store, bad = Store(device.store, device.base.manifest.digest), device.sign(random_pack(device.base, 3))
    assert bad.canary is not None
    data = serialize(replace(bad, canary=replace(bad.canary, expected=-bad.canary.expected)))
    stored = StoredRelease(2, hashlib.sha256(data).hexdigest())  # as if the machine computed another thing than before
    store.write_pack("mood", stored, data)
    store.write_slots("mood", replace(store.read_slots("mood"), active=stored))
    restarted = device.engine.fork()
    problems = device.open().install(restarted)
    assert isinstance(problems["mood"], CanaryError)
    assert device.same(restarted, first)
    assert device.updater.status().tasks[0].rejected == 2


def test_what_another_process_made_active_is_installed_by_the_next_run(device: Device) -> None:
    device.update("mood", 1, seed=1)
    second = device.publish("mood", 2, seed=2)
    other = device.open()
    other.run(device.engine.fork())
    assert not device.same(device.engine, second)
    assert device.run() == ()
    assert device.same(device.engine, second)


def test_a_second_writer_is_told_to_wait(device: Device) -> None:
    device.publish("mood", 1, seed=1)
    with FileLock(device.store / "lock"), pytest.raises(StoreBusyError, match="another process"):
        device.updater.check()
    device.updater.check()


def test_a_file_system_without_symbolic_links_will_do(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object, **named: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "symlink", refuse)
    monkeypatch.setattr(os, "link", refuse)
    assert device.answers(device.update("mood", 1, seed=1))


def test_no_space_is_noticed_before_anything_is_downloaded(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    device.publish("mood", 1, seed=1)
    [release] = device.updater.check().releases
    device.server.seen.clear()
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=1000))
    with pytest.raises(StoreError, match="1000 bytes left"):
        device.updater.fetch(release)
    assert device.server.seen == []
