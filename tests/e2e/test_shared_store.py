"""One store and several who use it: threads, processes, a server that keeps one of them waiting."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bitfit_runtime import Engine
from bitfit_runtime.errors import CanaryError, StoreBusyError
from bitfit_runtime.updates.fetcher import Fetcher, NetworkOptions
from device import Device


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
    device.updates.network = Fetcher(NetworkOptions(proxy="", timeout=60))
    with running(device.updates.check):
        try:
            assert asked.wait(20)
            device.updates.rollback("mood", device.engine)
            with pytest.raises(StoreBusyError):
                device.open().check()
        finally:
            answer.set()
    assert device.answers(first)


def test_a_health_check_that_would_write_is_told_not_to(device: Device) -> None:
    device.publish("mood", 1, seed=1)
    device.updates.fetch(device.updates.check().releases[0])

    def health(_: Engine) -> bool:
        device.updates.check()
        return True

    with pytest.raises(CanaryError, match="should only ask the engine"):
        device.updates.activate("mood", device.engine, health)


@pytest.mark.parametrize("place", ["", "metadata", "metadata/root_history"])
def test_what_a_killed_writer_left_is_removed(device: Device, place: str) -> None:
    device.update("mood", 1, seed=1)
    left: Path = device.store / place / ".tmp-left"
    left.write_bytes(b"half")
    device.updates.check()
    assert not left.exists()
