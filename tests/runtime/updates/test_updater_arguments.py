"""What an updater is given: it takes what it can use, and names what it cannot."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bitfit_runtime import Base
from bitfit_runtime.errors import BaseNotFoundError, InputError
from bitfit_runtime.updates import Updater
from support.device import Device


def test_updates_for_one_base_refuse_an_engine_on_another(device: Device) -> None:
    other = device.engine.fork()
    files = {**device.base.manifest.files, "model.onnx": "0" * 64}
    other._base = replace(device.base, manifest=replace(device.base.manifest, files=files))
    for call in (device.updater.install, device.updater.run):
        with pytest.raises(InputError, match="base"):
            call(other)


@pytest.mark.parametrize("task", ["", "Mood", "../mood", "a/b", "con", "mood."])
def test_names_that_could_be_paths_are_refused(device: Device, task: str) -> None:
    with pytest.raises(InputError):
        Updater(device.store, device.server.url, b"", device.base, [task])


def test_a_bare_name_is_not_a_list_of_tasks(device: Device) -> None:
    with pytest.raises(InputError, match="put it into a list"):
        Updater(device.store, device.server.url, b"", device.base, "mood")


def test_a_base_may_be_given_by_its_folder(device: Device, tmp_path: Path) -> None:
    pack = device.update("mood", 1, seed=1)
    engine = device.engine.fork()
    folder = device.base.folder
    for base in (folder, str(folder)):
        updater = Updater(str(device.store), device.server.url, device.published.first_root, base, ["mood"])
        assert updater.install(engine) == {}
        assert device.same(engine, pack)
    with pytest.raises(BaseNotFoundError):
        Updater(device.store, device.server.url, b"", tmp_path, ["mood"])


def test_a_release_for_another_base_is_not_fetched(device: Device) -> None:
    device.publish("mood", 1, seed=1)
    [release] = device.updater.check().releases
    with pytest.raises(InputError, match="is for another base"):
        device.updater.fetch(replace(release, base="sha256:" + "0" * 64))


def test_a_clock_without_a_zone_is_refused(device: Device) -> None:
    device.update("mood", 1, seed=1)
    device.now = device.now.replace(tzinfo=None)
    grace = timedelta(days=1)
    calls = device.updater.check, device.updater.status, lambda: device.updater.install(device.engine, grace)
    for call in calls:
        with pytest.raises(InputError, match="with its zone"):
            call()


def test_a_task_that_was_not_asked_for_is_refused_by_name(device: Device) -> None:
    for call in (device.updater.activate, device.updater.roll_back):
        with pytest.raises(InputError, match=r"'other' is not one of .*mood, spam"):
            call("other", device.engine)


def test_a_task_that_the_application_removed_is_installed_again_when_asked(device: Device) -> None:
    pack = device.update("mood", 1, seed=1)
    device.engine.remove("mood")
    assert device.updater.install(device.engine) == {}
    assert device.same(device.engine, pack)


def test_a_url_of_another_kind_than_http_is_refused(device: Device) -> None:
    with pytest.raises(InputError, match="https://"):
        Updater(device.store, "file:///etc", b"", device.base, ["mood"])


def test_invalid_root_metadata_are_told_from_what_a_server_sends(device: Device) -> None:
    for root in (b"", b"{}", device.published.first_root.replace(b"root", b"toor")):
        with pytest.raises(InputError, match="invalid root metadata"):
            Updater(device.store, device.server.url, root, device.base, ["mood"]).check()


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        *(({"tasks": value}, "`tasks` should") for value in ("mood", b"mood", 5, None, [None], [5], [""], [["a"]])),
        *(({"store": value}, "`store` should") for value in (None, 5, b"s", "a\0b")),
        *(({"root": value}, "`root` should") for value in (None, 5, [1])),
        *(({"base": value}, "`base` should") for value in (None, 5)),
        *(({"url": value}, "`url` should") for value in (None, 5, b"https://x")),
        *(({"lock_timeout": value}, "`lock_timeout` should") for value in (None, "1", -1, float("nan"), 1e99, True)),
        *(({"health_timeout": value}, "`health_timeout` should") for value in (None, "1", -1, float("inf"))),
        ({"clock": 5}, "`clock` should"),
        ({"network": {"timeout": 5}}, "`network` should"),
    ],
    ids=str,
)
def test_an_updater_names_the_parameter_that_it_cannot_take(
    base: Base, tmp_path: Path, changed: dict[str, Any], says: str
) -> None:
    given: dict[str, Any] = {"store": tmp_path, "url": "https://x", "root": b"", "base": base, "tasks": ["mood"]}
    with pytest.raises(InputError, match=says):
        Updater(**given | changed)
