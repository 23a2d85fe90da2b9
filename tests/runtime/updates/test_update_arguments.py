"""What callers pass to the updater and around it is taken, or refused in one line by its name."""

import os
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bitfit_runtime.errors import InputError
from bitfit_runtime.updates import NetworkOptions, Updater, Watcher
from support.device import Device

ODD: tuple[Any, ...] = (
    "2",
    b"2",
    None,
    [],
    object(),
    True,
    -1,
    float("nan"),
    float("inf"),
    1 << 70,
    10**5000,
    complex(1),
)
TIMES = ("timeout", "deadline", "retry_delay")


def refused(call: Callable[[], object], name: str) -> None:
    with pytest.raises(InputError) as caught:
        call()
    assert str(caught.value).startswith(f"`{name}` should be") and str(caught.value).isprintable()


@pytest.mark.parametrize("name", [*TIMES, "min_bytes_per_second", "attempts"])
def test_network_options_are_numbers_within_their_bounds(name: str) -> None:
    for value in (value for value in ODD if name in TIMES or value not in (1 << 70, 10**5000)):
        refused(lambda value=value: NetworkOptions(**{name: value}), name)  # type: ignore[misc]
    if name != "retry_delay":
        refused(lambda: NetworkOptions(**{name: 0}), name)  # type: ignore[arg-type]
    for value in (2, np.int64(3), *((0.5, np.float32(2), Fraction(1, 2)) if name in TIMES else ())):
        assert getattr(NetworkOptions(**{name: value}), name) == value  # type: ignore[arg-type]


@pytest.mark.parametrize("proxy", [5, b"http://a", ["http://a"], True])
def test_a_proxy_is_a_url(proxy: Any) -> None:
    refused(lambda: NetworkOptions(proxy=proxy), "proxy")


def test_a_watcher_refuses_what_it_would_fail_with_later(device: Device) -> None:
    updater, engine = device.updater, device.engine
    for odd in (None, 5, "text", device):
        refused(lambda odd=odd: Watcher(odd, engine), "updater")  # type: ignore[misc]
        refused(lambda odd=odd: Watcher(updater, odd), "engine")  # type: ignore[misc]
    for odd in (5, "text", [print]):
        refused(lambda odd=odd: Watcher(updater, engine, health=odd), "health")  # type: ignore[misc]
        refused(lambda odd=odd: Watcher(updater, engine, report=odd), "report")  # type: ignore[misc]
        refused(lambda odd=odd: updater.run(engine, odd), "health")  # type: ignore[misc]
        refused(lambda odd=odd: updater.activate("mood", engine, odd), "health")  # type: ignore[misc]
        refused(lambda odd=odd: updater.fetch(odd), "release")  # type: ignore[misc]
    for odd in ODD:
        refused(lambda odd=odd: Watcher(updater, engine, odd), "every")  # type: ignore[misc]
    for odd in (-1, float("nan"), "2", 1 << 70):
        refused(lambda odd=odd: Watcher(updater, engine).stop(odd), "timeout")  # type: ignore[misc]


def test_a_root_in_a_pipe_is_not_waited_for(device: Device, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for root in (tmp_path / "pipe", tmp_path):
        updater = Updater(device.store, device.server.url, root, device.base, ["mood"])
        with pytest.raises(InputError, match=r"cannot read the root metadata .* not a regular file"):
            updater.check()


def test_a_health_check_that_is_no_function_rejects_no_release(device: Device) -> None:
    pack = device.publish("mood", 1, seed=1)
    with pytest.raises(InputError):
        device.updater.run(device.engine, 5)  # type: ignore[arg-type]
    assert [result.active for result in device.run()] == [True] and device.answers(pack)
