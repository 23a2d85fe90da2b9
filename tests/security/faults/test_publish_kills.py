"""A publication that dies at any of its writes leaves the old repository or the new one, and can be run again."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bitfit_toolkit.errors import PublishError
from bitfit_toolkit.publish import Publisher, catalogue
from security.faults.publish_cases import SMALL
from support.publishing import BASE, Client, candidate, make_publisher, new_publisher, served

POINTS = 5
CALLS = ((tempfile, "mkstemp"), (os, "fsync"), (Path, "replace"), (Path, "unlink"))


class Killed(BaseException):
    """What ends a publication as if its process were no more."""


class Death:
    """Counts the calls that change a folder; from call number `point` on they raise. None lets all of them happen."""

    def __init__(self, point: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls, self._point = 0, point
        monkeypatch.setattr(os, "fsync", lambda handle: None)  # nothing here loses power
        for owner, name in CALLS:
            monkeypatch.setattr(owner, name, self._counting(getattr(owner, name)))

    def _counting(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            self.calls += 1
            if self._point is not None and self.calls > self._point:
                raise Killed
            return original(*arguments, **options)

        return call


def sample(calls: int) -> list[int]:
    """Some of so many points, the first and the last among them. `make faults` tries all."""
    return sorted({*range(0, calls, max(1, calls // POINTS)), calls - 1})


def rotate_root(publisher: Publisher) -> None:
    publisher.rotate_key("root", publisher.state().root.roles["root"].keyids[0])


ACTIONS: dict[str, Callable[[Publisher], object]] = {
    "add": lambda publisher: publisher.add([candidate("mood", "second"), candidate("intents")]),
    "withdraw": lambda publisher: publisher.withdraw(["topics"], BASE),
    "refresh": lambda publisher: publisher.refresh(targets=True),
    "rotate timestamp": lambda publisher: publisher.rotate_key("timestamp"),
    "rotate targets": lambda publisher: publisher.rotate_key("targets"),
    "rotate root": rotate_root,
    "to bins": lambda publisher: publisher.add([candidate(f"task-{i}") for i in range(4)]),
}


def published(folder: Path, store: Path) -> dict[str, str | None]:
    with served(folder / "site") as url:
        client = Client(folder / "site", url, store)
        found = {task: client.find(task) for task in ("mood", "topics", "task-0")}
    return {task: release and release.sha256 for task, release in found.items()}


@pytest.mark.parametrize("action", ACTIONS)
def test_a_kill_leaves_old_or_new_and_the_command_can_be_run_again(
    action: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, "FLAT_TASKS", SMALL["FLAT_TASKS"])
    monkeypatch.setattr(catalogue, "MIN_BITS", SMALL["MIN_BITS"])
    first = tmp_path / "first"
    new_publisher(first).add([candidate("mood"), candidate("topics")])
    old = published(first, tmp_path / "old")
    whole = shutil.copytree(first, tmp_path / "whole")
    with monkeypatch.context() as patch:
        death = Death(None, patch)
        ACTIONS[action](make_publisher(whole))
    new, seen = published(whole, tmp_path / "new"), []
    for point in sample(death.calls):
        folder = shutil.copytree(first, tmp_path / f"killed-{point}")
        with monkeypatch.context() as patch, pytest.raises(Killed):
            Death(point, patch)
            ACTIONS[action](make_publisher(folder))
        found = published(folder, folder / "device")
        assert found in (old, new)
        seen.append(found == new)
        # what was withdrawn cannot be withdrawn twice
        again = "refresh" if action == "withdraw" and found == new else action
        ACTIONS[again](make_publisher(folder))
        assert published(folder, folder / "other-device") == new
        assert not list((folder / "site").rglob(".tmp-*"))
        shutil.rmtree(folder)
    assert len(seen) >= POINTS
    assert seen == sorted(seen)  # once it is new it stays new
    assert old == new or set(seen) == {False, True}


def test_init_resumes_after_a_kill_and_never_writes_over_a_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        death = Death(None, patch)
        new_publisher(tmp_path / "whole")
    committed = []
    for point in sample(death.calls):
        folder = tmp_path / f"killed-{point}"
        with monkeypatch.context() as patch, pytest.raises(Killed):
            Death(point, patch)
            new_publisher(folder)
        committed.append((folder / "site" / "metadata" / "timestamp.json").exists())
        refused = pytest.raises(PublishError, match="is already a repository")
        with refused if committed[-1] else contextlib.nullcontext():
            make_publisher(folder).initialize()
        assert len(list((folder / "keys").glob("*-*.pem"))) == 3
        assert len(list((folder / "root-keys").glob("root-*.pem"))) == 3
        publisher = make_publisher(folder)
        publisher.add([candidate("mood")])
        assert published(folder, folder / "device")["mood"]
    assert len(committed) >= POINTS and set(committed) == {False, True}
