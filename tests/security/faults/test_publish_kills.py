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
from bitfit_toolkit.publish import Publisher
from bitfit_toolkit.publish.catalogue import FLAT_TASKS
from support.publishing import BASE, Client, candidate, make_publisher, new_publisher, served

CALLS = ((tempfile, "mkstemp"), (os, "fsync"), (Path, "replace"), (Path, "unlink"))


class Killed(BaseException):
    pass


def die_at(point: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """From its `point`-th call on every call that changes the folder raises, as if the process were no more."""
    count = 0

    def dying(original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            nonlocal count
            count += 1
            if count > point:
                raise Killed
            return original(*arguments, **options)

        return call

    monkeypatch.setattr(os, "fsync", lambda handle: None)  # nothing here loses power
    for owner, name in CALLS:
        monkeypatch.setattr(owner, name, dying(getattr(owner, name)))


def rotate_root(publisher: Publisher) -> None:
    publisher.rotate_key("root", publisher.state().root.roles["root"].keyids[0])


ACTIONS: dict[str, Callable[[Publisher], object]] = {
    "add": lambda publisher: publisher.add([candidate("mood", "second"), candidate("intents")]),
    "withdraw": lambda publisher: publisher.withdraw(["topics"], BASE),
    "refresh": lambda publisher: publisher.refresh(targets=True),
    "rotate timestamp": lambda publisher: publisher.rotate_key("timestamp"),
    "rotate targets": lambda publisher: publisher.rotate_key("targets"),
    "rotate root": rotate_root,
    "to bins": lambda publisher: publisher.add([candidate(f"task-{i}") for i in range(FLAT_TASKS)]),
}


def published(folder: Path, store: Path) -> dict[str, str | None]:
    with served(folder / "site") as url:
        client = Client(folder / "site", url, store)
        found = {task: client.look(task) for task in ("mood", "topics", "task-0")}
    return {task: release and release.sha256 for task, release in found.items()}


@pytest.mark.parametrize("action", ACTIONS)
def test_a_kill_leaves_old_or_new_and_the_command_can_be_run_again(
    action: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = tmp_path / "first"
    new_publisher(first).add([candidate("mood"), candidate("topics")])
    old = published(first, tmp_path / "old")
    whole = shutil.copytree(first, tmp_path / "whole")
    ACTIONS[action](make_publisher(whole))
    new = published(whole, tmp_path / "new")
    step = 150 if action == "to bins" else 1
    points, seen, finished = 0, [], False
    while not finished:
        folder = shutil.copytree(first, tmp_path / f"killed-{points}")
        with monkeypatch.context() as patch:
            die_at(points * step, patch)
            try:
                ACTIONS[action](make_publisher(folder))
                finished = True
            except Killed:
                points += 1
        found = published(folder, folder / "device")
        assert found in (old, new)
        seen.append(found == new)
        # what was withdrawn cannot be withdrawn twice
        again = "refresh" if action == "withdraw" and found == new else action
        ACTIONS[again](make_publisher(folder))
        assert published(folder, folder / "other-device") == new
        assert not list((folder / "site").rglob(".tmp-*"))
        shutil.rmtree(folder)
    assert points >= 3
    assert seen == sorted(seen)  # once it is new it stays new


def test_init_goes_on_after_a_kill_and_never_writes_over_a_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    points, finished = 0, False
    while not finished:
        folder = tmp_path / f"killed-{points}"
        with monkeypatch.context() as patch:
            die_at(2 * points, patch)
            try:
                new_publisher(folder)
                finished = True
            except Killed:
                points += 1
        committed = (folder / "site" / "metadata" / "timestamp.json").exists()
        with pytest.raises(PublishError, match="is already a repository") if committed else contextlib.nullcontext():
            make_publisher(folder).initialize()
        assert len(list((folder / "keys").glob("*-*.pem"))) == 3
        assert len(list((folder / "root-keys").glob("root-*.pem"))) == 3
        publisher = make_publisher(folder)
        publisher.add([candidate("mood")])
        assert published(folder, folder / "device")["mood"]
    assert points >= 20
