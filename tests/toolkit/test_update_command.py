"""`bitfit publish` and `bitfit update` together, as a team and a device use them."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bitfit_runtime import Base, Pack, write_pack
from bitfit_runtime.updates import updater
from bitfit_toolkit.publish import open_server
from support.command_line import bitfit
from support.packs import random_pack


class Team:
    """Publishes with the command line, and asks a device's."""

    def __init__(self, folder: Path, base: Base, url: str, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.base, self.url, self._capsys = folder, base, url, capsys
        self.site = ("--repository", folder / "site", "--keys", folder / "keys")
        code, _, err = self.bitfit("publish", "init", *self.site, "--root-keys", folder / "root-keys")
        assert code == 0, err

    def bitfit(self, *arguments: object) -> tuple[int, str, str]:
        return bitfit(*arguments, capsys=self._capsys)

    def publish(self, task: str, pack: Pack) -> None:
        path = write_pack(pack, self.folder / "new.safetensors")
        code, _, err = self.bitfit("publish", "add", *self.site, "--base", self.base.folder, f"{task}={path}")
        assert code == 0, err

    def update(self, command: str, *more: object, store: str = "store") -> tuple[int, Any, str]:
        code, out, err = self.bitfit(
            *("update", command, "--store", self.folder / store, "--url", self.url, "--base", self.base.folder),
            *("--root", self.folder / "keys" / "root.json", "--task", "mood", "--json", *more),
        )
        return code, json.loads(out) if out else None, err


@pytest.fixture
def team(
    base: Base, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Team]:
    monkeypatch.setenv("BITFIT_KEY_PASSPHRASE", "long enough for a test")
    (tmp_path / "site").mkdir()
    with open_server(tmp_path / "site") as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield Team(tmp_path, base, f"http://127.0.0.1:{server.server_port}/", capsys)
        finally:
            server.shutdown()
            thread.join()


def test_a_device_follows_what_a_team_publishes_and_rolls_back(team: Team) -> None:
    assert team.update("check")[1]["unpublished"] == ["mood"]
    team.publish("mood", random_pack(team.base, 1))
    found = team.update("check")[1]
    assert [release["number"] for release in found["releases"]] == [1]
    assert found["unpublished"] == []
    assert [release["number"] for release in team.update("fetch")[1]["fetched"]] == [1]
    assert team.update("status")[1]["tasks"][0]["staged"] == 1
    assert team.update("activate")[1]["tasks"][0]["active"] == 1
    team.publish("mood", random_pack(team.base, 2))
    assert team.update("apply")[1]["tasks"][0]["active"] == 2
    _, status, _ = team.update("rollback")
    assert (status["tasks"][0]["active"], status["tasks"][0]["rejected"]) == (1, 2)
    assert team.update("check")[1] == {"releases": [], "withdrawn": [], "unpublished": [], "refused": {}}
    team.bitfit("publish", "withdraw", *team.site, "mood")
    assert team.update("check")[1]["withdrawn"] == ["mood"]


def test_a_release_that_cannot_be_taken_ends_in_one_line_and_exit_code_10(team: Team) -> None:
    team.publish("mood", random_pack(team.base, 1))
    assert team.update("apply")[0] == 0
    team.publish("mood", random_pack(team.base, 2))
    for published in (team.folder / "site" / "packs").rglob("*.mood.safetensors"):
        published.write_bytes(b"x" * published.stat().st_size)
    code, status, err = team.update("apply")
    assert code == 10 and err.startswith("error: 1 of 1 tasks were not updated (mood: ")
    assert err.count("\n") == 1
    assert status["tasks"][0]["active"] == 1


def test_a_task_that_fails_keeps_no_other_from_being_fetched_or_rolled_back(team: Team) -> None:
    for seed in (1, 2):
        team.publish("spam", random_pack(team.base, seed))
        code, _, err = team.update("apply", "--task", "spam")
        assert code == 10 and "(mood: it is not published for this base; correct its name" in err
    team.publish("mood", random_pack(team.base, 3))
    team.publish("spam", random_pack(team.base, 4))
    for published in (team.folder / "site" / "packs").rglob("*.mood.safetensors"):
        published.unlink()
    code, found, err = team.update("fetch", "--task", "spam")
    assert code == 10 and err.startswith("error: 1 of 2 tasks were not fetched (mood: ")
    assert [release["task"] for release in found["fetched"]] == ["spam"]
    code, status, err = team.update("rollback", "--task", "spam")
    assert code == 10 and err.startswith("error: 1 of 2 tasks were not rolled back (mood: ")
    assert {task["task"]: task["active"] for task in status["tasks"]} == {"mood": None, "spam": 1}


def test_a_refused_task_is_reported_by_every_command_and_keeps_no_other_from_its_update(team: Team) -> None:
    for task in ("mood", "spam"):
        team.publish(task, random_pack(team.base, 1))
    assert team.update("apply", "--task", "spam")[0] == 0
    [pointer] = (team.folder / "store").glob("tasks/*/mood/pointer.json")
    pointer.write_bytes(b"{")
    team.publish("spam", random_pack(team.base, 2))
    answers = {command: team.update(command, "--task", "spam") for command in ("check", "fetch", "apply", "status")}
    for code, _, err in answers.values():
        assert (code, err.count("\n")) == (10, 1) and err.startswith("error: 1 of 2 tasks ")
        assert "pointer.json is not JSON" in err and "move this one file away" in err
    check, fetch, status = (answers[command][1] for command in ("check", "fetch", "status"))
    assert list(check["refused"]) == ["mood"] and [one["task"] for one in check["releases"]] == ["spam"]
    assert [one["task"] for one in fetch["fetched"]] == ["spam"]
    mood, spam = status["tasks"]
    assert "not JSON" in mood["problem"] and (mood["active"], mood["version_floor"]) == (None, 1)
    assert (spam["problem"], spam["active"]) == (None, 2)


def test_missing_and_withdrawn_tasks_are_told_by_every_command_with_exit_code_10(team: Team) -> None:
    team.publish("spam", random_pack(team.base, 1))
    for command in ("check", "fetch", "apply"):
        code, _, err = team.update(command, "--task", "spam")
        assert (code, err.count("\n")) == (10, 1), err
        assert err.startswith("error: 1 of 2 tasks ") and "(mood: it is not published for this base; correct" in err
    assert {one["task"]: one["active"] for one in team.update("status", "--task", "spam")[1]["tasks"]} == {
        "mood": None,
        "spam": 1,
    }
    team.publish("mood", random_pack(team.base, 2))
    assert team.update("apply", "--task", "spam")[0] == 0
    team.bitfit("publish", "withdraw", *team.site, "mood")
    for command in ("check", "fetch", "apply"):
        code, _, err = team.update(command, "--task", "spam")
        assert code == 10 and "(mood: it was withdrawn by its publisher, what is active goes on answering" in err


def test_expired_metadata_are_a_failure_of_status(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    team.publish("mood", random_pack(team.base, 1))
    assert team.update("apply")[0] == team.update("status")[0] == 0
    monkeypatch.setattr(updater.Updater, "_now", lambda self: datetime.now(UTC) + timedelta(days=400))
    code, status, err = team.update("status")
    assert (code, status["expired"], err.count("\n")) == (10, True, 1)
    assert "the signed metadata expired at " in err and "signed again" in err


def test_the_former_names_of_commands_still_work_and_are_not_listed(team: Team) -> None:
    team.publish("mood", random_pack(team.base, 1))
    code, status, err = team.update("run")
    assert (code, status["tasks"][0]["active"]) == (0, 1), err
    code, _, err = team.bitfit("publish", "remove", *team.site, "mood")
    assert code == 0, err
    for group, former, name in (("update", "run", "apply"), ("publish", "remove", "withdraw")):
        listed = [line.split()[1] for line in team.bitfit(group, "--help")[1].splitlines() if line.startswith("│ ")]
        assert name in listed and former not in listed


def test_errors_of_a_device_are_one_line(team: Team) -> None:
    for more, code in (
        (("--url", "http://127.0.0.1:9/"), 10),
        (("--url", "ftp://127.0.0.1/"), 3),
        (("--url", "http://["), 3),
        (("--url", "http:"), 3),
        (("--root", team.folder / "none"), 3),
        (("--task", "../x"), 3),
    ):
        found, out, err = team.update("check", *more)
        assert (found, out, err.count("\n")) == (code, None, 1), err
    assert team.update("activate")[0] == 0
    code, _, err = team.update("rollback")
    assert code == 10 and "no earlier release" in err
