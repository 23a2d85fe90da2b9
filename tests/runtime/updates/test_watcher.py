"""Watcher: updates in the background: a watcher outlives what goes wrong, and says so."""

import logging
import threading
from queue import Queue

import pytest

from bitfit_runtime.errors import InputError, UnreachableError
from bitfit_runtime.updates import UpdateResult, Watcher
from bitfit_runtime.updates.watcher import log_round
from support.device import Device

Round = tuple[tuple[UpdateResult, ...], Exception | None]


def test_a_watcher_updates_by_itself_and_outlives_what_goes_wrong(device: Device) -> None:
    device.server.interfere = lambda handler: handler.send_error(500) or True  # type: ignore[func-returns-value]
    rounds: Queue[Round] = Queue()
    with Watcher(device.updater, device.engine, every=0.01, report=lambda *round: rounds.put(round)):
        assert isinstance(rounds.get(timeout=20)[1], UnreachableError)
        pack = device.publish("mood", 1, seed=1)
        device.server.interfere = lambda handler: False
        while not (results := rounds.get(timeout=20)[0]):
            pass
    assert [(result.task, result.active) for result in results] == [("spam", False), ("mood", True)]
    assert device.answers(pack)


@pytest.mark.parametrize("every", [0, -1, float("nan"), float("inf")])
def test_an_impossible_period_is_refused(device: Device, every: float) -> None:
    with pytest.raises(InputError, match=r"`every` should be from 0\.001 to"):
        Watcher(device.updater, device.engine, every)


def test_a_watcher_that_was_never_started_can_be_stopped(device: Device) -> None:
    Watcher(device.updater, device.engine).stop()


def test_a_task_that_is_refused_is_logged(device: Device, caplog: pytest.LogCaptureFixture) -> None:
    device.update("mood", 2, seed=1)
    device.publish("mood", 1, seed=2)
    log_round(device.run(), None)
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert "task 'mood' was refused: the server shows release 1" in record.message


def test_a_watcher_outlives_a_report_that_fails(device: Device, caplog: pytest.LogCaptureFixture) -> None:
    rounds: Queue[Round] = Queue()

    def report(results: tuple[UpdateResult, ...], problem: Exception | None) -> None:
        rounds.put((results, problem))
        raise BrokenPipeError("nobody reads")

    with Watcher(device.updater, device.engine, every=0.01, report=report):
        for _ in range(3):
            rounds.get(timeout=20)
    assert "report of a round" in caplog.text and "nobody reads" in caplog.text


def test_what_goes_wrong_in_the_background_is_logged_unless_a_report_takes_it(
    device: Device, caplog: pytest.LogCaptureFixture
) -> None:
    device.publish("mood", 1, seed=1)
    asked = threading.Event()

    def no(*_: object) -> bool:
        asked.set()
        return False

    with Watcher(device.updater, device.engine, every=60, health=no):
        assert asked.wait(20)
    asked.clear()
    device.server.interfere = lambda handler: no() or handler.send_error(500) or True  # type: ignore[func-returns-value]
    with Watcher(device.updater, device.engine, every=60):
        assert asked.wait(20)
    missing, refused, unreachable = [record for record in caplog.records if record.name.endswith("watcher")]
    assert missing.levelno == refused.levelno == unreachable.levelno == logging.WARNING
    assert "task 'spam' is not updated: it is not published" in missing.message
    assert "release 1 of task 'mood' is not active" in refused.message and "health check" in refused.message
    assert "no task was updated" in unreachable.message
