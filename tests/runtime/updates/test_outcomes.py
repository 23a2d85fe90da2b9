"""Whatever one task or one callback does is that task's outcome: the others and the watcher go on."""

import threading
from collections.abc import Callable
from queue import Queue
from typing import Any

import numpy as np
import pytest

from bitfit_runtime import Engine
from bitfit_runtime.errors import CanaryError, TemporaryError, UnpublishedError, WithdrawnError
from bitfit_runtime.formats import serialize
from bitfit_runtime.updates import Updater, UpdateResult, Watcher, validation
from bitfit_runtime.updates.validation import HealthCheck
from support.device import HASTY, Device
from support.packs import random_pack


class PanicError(BaseException):
    """As a tokenizer written in Rust raises: it is not even an Exception."""


def fails_for(engine: Engine, error: BaseException) -> Callable[..., None]:
    """A check of canaries that fails for packs with three labels: those of `mood`."""

    def check(trial: Engine, pack: Any) -> None:
        if len(pack.info.labels) == 3:
            raise error

    return check


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("session.run: bad allocation"), PanicError("rust")])
def test_a_foreign_error_while_a_pack_is_tried_is_its_tasks_outcome_and_no_rejection(
    device: Device, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    mood = device.sign(random_pack(device.base, 1, labels=3))
    device.published.publish({"mood": (1, mood)})
    spam = device.publish("spam", 1, seed=2)
    with monkeypatch.context() as patch:
        patch.setattr(validation, "check_canary", fails_for(device.engine, error))
        stuck, taken = device.updater.run(device.engine)
        assert (stuck.task, type(stuck.error), taken.task, taken.active) == ("mood", TemporaryError, "spam", True)
        assert type(error).__name__ in str(stuck.error) and device.answers(spam, "spam")
    assert device.updater.status().tasks[0].rejected == 0
    device.server.seen.clear()
    assert [result.active for result in device.updater.run(device.engine)] == [True]
    assert not [path for path in device.server.seen if path.endswith(".safetensors")], "it is still there"
    assert device.same(device.engine, mood)

    with monkeypatch.context() as patch:  # at the application's start, too
        patch.setattr(validation, "check_canary", fails_for(device.engine, error))
        restarted = device.engine.fork()
        problems = device.open().install(restarted)
        assert {task: type(problem) for task, problem in problems.items()} == {"mood": TemporaryError}
        assert list(restarted.tasks) == ["spam"]
    assert device.answers(mood)


def raises(error: BaseException) -> HealthCheck:
    def health(trial: Engine) -> bool:
        raise error

    return health


PASSING = {
    "retry": lambda trial: "retry",
    "an array": lambda trial: np.array([True, False]),
    "no memory": raises(MemoryError()),
    "no network": raises(ConnectionError("reset")),
    "its end": raises(SystemExit(1)),
    "an interruption": raises(KeyboardInterrupt()),
    "a panic": raises(PanicError()),
}


@pytest.mark.parametrize("health", PASSING.values(), ids=PASSING)
def test_a_health_check_that_cannot_tell_rejects_nothing(device: Device, health: HealthCheck) -> None:
    pack = device.publish("mood", 1, seed=1)
    device.publish("spam", 1, seed=2)
    assert [type(result.error) for result in device.updater.run(device.engine, health)] == [TemporaryError] * 2
    status = device.updater.status().tasks[0]
    assert (status.staged, status.rejected) == (1, 0)
    assert all(result.active for result in device.updater.run(device.engine, lambda trial: np.True_))
    assert device.answers(pack)


def test_a_health_check_that_hangs_is_left_behind_and_holds_no_lock(device: Device) -> None:
    first = device.update("mood", 1, seed=1)
    device.update("mood", 2, seed=2)
    device.publish("mood", 3, seed=3)
    third = device.sign(random_pack(device.base, 3))
    began, end = threading.Event(), threading.Event()

    def hangs(trial: Engine) -> bool:
        began.set()
        end.wait(30)
        return True

    updater = Updater(
        device.store, device.server.url, device.published.first_root, device.base, ["mood"],
        network=HASTY, clock=lambda: device.now, health_timeout=0.5,
    )  # fmt: skip
    rounds: Queue[tuple[UpdateResult, ...]] = Queue()
    watcher = Watcher(updater, device.engine, 0.01, health=hangs, report=lambda results, _: rounds.put(results))
    try:
        with watcher:
            assert began.wait(20)
            device.updater.roll_back("mood", device.engine)
            assert device.answers(first)
            for words in ("did not end within 0.5 s", "an earlier health check has not ended"):
                [result] = rounds.get(timeout=20)
                assert isinstance(result.error, TemporaryError) and words in str(result.error)
    finally:
        end.set()
    assert [result.active for result in device.run()] == [True]
    assert device.answers(third)


def test_what_a_health_check_refuses_is_rejected_as_before(device: Device) -> None:
    device.publish("mood", 1, seed=1)
    [result] = device.run(health=lambda trial: False)
    assert isinstance(result.error, CanaryError) and device.updater.status().tasks[0].rejected == 1


@pytest.mark.parametrize("error", [SystemExit(1), KeyboardInterrupt(), PanicError()])
def test_a_watcher_outlives_a_clock_a_health_check_and_a_report_that_would_end_it(
    device: Device, error: BaseException
) -> None:
    device.publish("mood", 1, seed=1)
    rounds: Queue[tuple[tuple[UpdateResult, ...], Exception | None]] = Queue()

    def report(results: tuple[UpdateResult, ...], problem: Exception | None) -> None:
        rounds.put((results, problem))
        raise error

    with Watcher(device.updater, device.engine, 0.01, health=raises(error), report=report):
        for _ in range(2):
            results, problem = rounds.get(timeout=20)
            assert problem is None and {type(one.error) for one in results} == {TemporaryError, UnpublishedError}

    def clock() -> Any:
        raise error

    device.updater._clock = clock
    with Watcher(device.updater, device.engine, 0.01, report=report):
        for _ in range(2):
            results, problem = rounds.get(timeout=20)
    assert "ended by" in str(problem) and type(error).__name__ in str(problem)


def test_a_report_that_hangs_stops_no_round_and_may_stop_its_watcher(
    device: Device, caplog: pytest.LogCaptureFixture
) -> None:
    end, stopped = threading.Event(), threading.Event()
    watcher = Watcher(device.updater, device.engine, 0.01, report=lambda *round: end.wait(30))
    watcher._reports.seconds = 0.1
    device.server.seen.clear()
    with watcher:
        for _ in range(2000):
            if len(device.server.seen) >= 3:
                break
            threading.Event().wait(0.01)
    end.set()
    assert len(device.server.seen) >= 3 and "has not ended" in caplog.text

    def report(*_: object) -> None:
        last.stop()
        stopped.set()

    last = Watcher(device.updater, device.engine, 0.01, report=report)
    with last:
        assert stopped.wait(20)


def test_what_was_withdrawn_or_never_published_is_in_every_outcome(device: Device) -> None:
    pack = device.update("mood", 3, seed=1)
    device.published.publish({}, withdrawn={"mood": 3})
    found = device.updater.check()
    results = {result.task: type(result.error) for result in device.updater.run(device.engine)}
    assert results == {"mood": WithdrawnError, "spam": UnpublishedError}
    assert {task: type(problem) for task, problem in found.problems.items()} == results
    assert device.answers(pack)


@pytest.mark.parametrize("damage", [b"torn", None])
def test_a_store_that_cannot_be_written_lets_the_previous_pack_answer_for_a_damaged_one(
    device: Device, monkeypatch: pytest.MonkeyPatch, damage: bytes | None
) -> None:
    first, second = device.update("mood", 1, seed=1), device.update("mood", 2, seed=2)
    [path] = (path for path in device.store.rglob("*.safetensors") if path.read_bytes() == serialize(second))
    path.unlink() if damage is None else path.write_bytes(damage)
    slots = next(device.store.glob("tasks/*/mood/pointer.json")).read_bytes()

    def refuse(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    restarted = device.engine.fork()
    with monkeypatch.context() as patch:
        patch.setattr("bitfit_runtime.updates.store.make_folder", refuse)
        patch.setattr("bitfit_runtime.updates.store.write_file", refuse)
        for _ in range(2):
            problems = device.open().install(restarted)
            assert "missing from the store or was altered" in str(problems["mood"])
            assert device.same(restarted, first)
    assert next(device.store.glob("tasks/*/mood/pointer.json")).read_bytes() == slots


def test_other_labels_than_before_are_logged(device: Device, caplog: pytest.LogCaptureFixture) -> None:
    device.update("mood", 1, seed=1)
    device.update("mood", 2, seed=2)
    assert "other labels" not in caplog.text
    device.published.publish({"mood": (3, device.sign(random_pack(device.base, 3, labels=3)))})
    assert [result.active for result in device.run()] == [True]
    assert "release 3 of task 'mood' has another type or other labels than before" in caplog.text
