"""One store and several who use it: threads, processes, a server that keeps one of them waiting."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from bitfit_runtime import Engine, Pack
from bitfit_runtime.errors import CanaryError, StoreBusyError, StoreError
from bitfit_runtime.updates import task_update
from bitfit_runtime.updates.fetcher import Fetcher, NetworkOptions
from support.device import Device


@contextmanager
def running(work: Callable[[], object]) -> Iterator[None]:
    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def test_a_server_that_keeps_a_check_waiting_delays_no_rollback(device: Device) -> None:
    first, _ = device.update("mood", 1, seed=1), device.update("mood", 2, seed=2)
    asked, answer = threading.Event(), threading.Event()

    def hold(handler: object) -> bool:
        asked.set()
        return not answer.wait(20)

    device.server.interfere = hold
    device.updater.fetcher = Fetcher(NetworkOptions(proxy="", timeout=60))
    with running(device.updater.check):
        try:
            assert asked.wait(20)
            device.updater.roll_back("mood", device.engine)
            with pytest.raises(StoreBusyError):
                device.open().check()
        finally:
            answer.set()
    assert device.answers(first)


def test_a_health_check_that_would_write_is_told_not_to(device: Device) -> None:
    device.publish("mood", 1, seed=1)
    device.updater.fetch(device.updater.check().releases[0])

    def health(_: Engine) -> bool:
        device.updater.check()
        return True

    with pytest.raises(CanaryError, match="should only use the engine"):
        device.updater.activate("mood", device.engine, health)


@pytest.mark.parametrize("place", ["", "metadata", "metadata/root_history"])
def test_what_a_killed_writer_left_is_removed(device: Device, place: str) -> None:
    device.update("mood", 1, seed=1)
    left: Path = device.store / place / ".tmp-left"
    left.write_bytes(b"half")
    device.updater.check()
    assert not left.exists()


def test_an_engine_that_two_updaters_feed_ends_with_the_newest_pack(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    device.update("mood", 1, seed=1)
    second, other = device.publish("mood", 2, seed=2), device.open()
    validated, go_on, validate_pack = threading.Event(), threading.Event(), task_update.validate_pack

    def slow(*arguments: Any) -> Pack:
        pack = validate_pack(*arguments)
        if not validated.is_set():  # of release 1, by `other`
            validated.set()
            assert go_on.wait(20)
        return pack

    monkeypatch.setattr(task_update, "validate_pack", slow)
    with running(lambda: other.install(device.engine)):
        assert validated.wait(20)
        assert [result.error for result in device.run()] == [None]
        go_on.set()
    assert device.answers(second)


def test_a_release_that_another_process_activates_first_is_taken_up_at_once(device: Device) -> None:
    device.update("mood", 1, seed=1)
    second, other, engine = device.publish("mood", 2, seed=2), device.open(), device.engine.fork()
    other.install(engine)

    def overtake(handler: SimpleHTTPRequestHandler) -> bool:
        if handler.path.endswith(".safetensors"):  # the other one has checked by now
            device.server.interfere = lambda handler: False
            assert device.run()[0].active
        return False

    device.server.interfere = overtake
    [result] = [one for one in other.run(engine) if one.release is not None]
    assert result.active
    assert device.same(engine, second) and device.answers(second)


def test_a_task_whose_slots_cannot_be_read_keeps_no_other_from_answering(device: Device) -> None:
    device.update("mood", 1, seed=1)
    pack = device.update("spam", 1, seed=2)
    [pointer] = device.store.glob("tasks/*/mood/pointer.json")
    pointer.write_bytes(b"{")
    restarted = device.engine.fork()
    problems = device.open().install(restarted)
    assert isinstance(problems.pop("mood"), StoreError) and not problems
    assert list(restarted.tasks) == ["spam"] and device.same(restarted, pack, "spam")
