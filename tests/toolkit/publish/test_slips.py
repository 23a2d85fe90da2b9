"""What cannot be taken back on devices is asked for twice; what expires is told in time."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from bitfit_runtime import Base, Engine, write_pack
from bitfit_toolkit.errors import PublishError
from bitfit_toolkit.publish import Lifetimes
from support.command_line import bitfit
from support.packs import random_pack
from support.publishing import PASSPHRASE, candidate, make_publisher, new_publisher


def test_a_release_number_far_beyond_the_last_is_asked_for_twice(tmp_path: Path) -> None:
    publisher = new_publisher(tmp_path)
    publisher.add([candidate("mood")], release=1000)
    before = publisher.state()
    for number in (2001, 20_261_128, 1 << 53):
        with pytest.raises(PublishError, match=f"release {number} .* far beyond its last, 1000.*`force`"):
            publisher.add([candidate("mood", "second")], release=number)
    assert publisher.state() == before
    assert publisher.add([candidate("mood", "second")], release=2000)[0].number == 2000
    assert publisher.add([candidate("mood", "third")], release=20_261_128, force=True)[0].number == 20_261_128
    assert publisher.add([candidate("mood", "fourth")], release=20_261_129)[0].number == 20_261_129


@pytest.mark.parametrize(
    ("labels", "task_type", "words"),
    [
        (3, "classification", r"its labels from label-0, label-1 to label-0, label-1, label-2"),
        (2, "multi-label", r"its type from classification to multi-label"),
    ],
)
def test_a_change_of_type_or_labels_is_told_and_refused(
    base: Base, engine: Engine, tmp_path: Path, labels: int, task_type: str, words: str
) -> None:
    publisher = new_publisher(tmp_path)
    first = write_pack(random_pack(base, 1), tmp_path / "first.safetensors")
    other = write_pack(random_pack(base, 2, labels, task_type=task_type), tmp_path / "other.safetensors")
    publisher.publish({"mood": first}, base=engine)
    with pytest.raises(PublishError, match=f"task 'mood' would change {words}, which"):
        publisher.publish({"mood": other}, base=engine)
    assert [release.number for release in publisher.publish({"mood": other}, base=engine, force=True)] == [2]
    same = write_pack(random_pack(base, 3, labels, task_type=task_type), tmp_path / "same.safetensors")
    assert [release.number for release in publisher.publish({"mood": same}, base=engine)] == [3]


def test_without_the_former_pack_the_number_of_labels_is_compared(base: Base, engine: Engine, tmp_path: Path) -> None:
    publisher = new_publisher(tmp_path)
    [release] = publisher.publish({"mood": write_pack(random_pack(base, 1), tmp_path / "first")}, base=engine)
    publisher.layout.pack(release).unlink()
    with pytest.raises(PublishError, match="from 2 labels to 3"):
        publisher.publish({"mood": write_pack(random_pack(base, 2, labels=3), tmp_path / "other")}, base=engine)


class Console:
    """`bitfit publish COMMAND` on a repository in a folder."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._where = ("--repository", folder / "site", "--keys", folder / "keys")
        self._capsys = capsys

    def __call__(self, command: str, *arguments: object) -> tuple[int, str, str]:
        return bitfit("publish", command, *self._where, *arguments, capsys=self._capsys)


@pytest.fixture
def console(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Console:
    monkeypatch.setenv("BITFIT_KEY_PASSPHRASE", PASSPHRASE)
    return Console(tmp_path, capsys)


def test_force_at_the_command_line(base: Base, tmp_path: Path, console: Console) -> None:
    new_publisher(tmp_path)
    pack = write_pack(random_pack(base), tmp_path / "mood.safetensors")
    code, _, err = console("add", pack, "--base", base.folder, "--release", 10_000)
    assert code == 10 and "leave out --release, or ask for it again with --force" in err
    code, out, err = console("add", pack, "--base", base.folder, "--release", 10_000, "--force", "--json")
    assert (code, json.loads(out)["releases"][0]["number"]) == (0, 10_000), err


def test_expired_targets_end_every_command_with_what_to_do_and_exit_code_10(
    base: Base, tmp_path: Path, console: Console
) -> None:
    new_publisher(tmp_path, age=timedelta(days=100)).add([candidate("mood")])
    for command in ("status", "refresh"):
        code, out, err = console(command)
        assert (code, err.count("\n")) == (10, 1) and "targets" in out
        assert "targets expired at " in err and "'bitfit publish refresh --targets'" in err
        assert "devices accept no update" in err
    assert "timestamp" not in err and "snapshot" not in err, "they were just signed"
    code, _, err = console("refresh", "--targets")
    assert (code, err) == (0, "")


def test_an_expired_root_is_told_by_a_publication(base: Base, tmp_path: Path, console: Console) -> None:
    publisher = make_publisher(tmp_path, age=timedelta(days=20))
    publisher.initialize(Lifetimes(root=10))
    pack = write_pack(random_pack(base), tmp_path / "mood.safetensors")
    code, out, err = console("add", pack, "--base", base.folder)
    assert code == 10 and "mood" in out and "root expired" in err and "refresh --root" in err
    assert list(make_publisher(tmp_path).state().catalogue.releases)
    code, _, err = console("refresh", "--root", "--root-keys", tmp_path / "root-keys", "--targets")
    assert code == 0, err


def test_what_expires_soon_is_a_warning_and_with_warn_days_a_failure(tmp_path: Path, console: Console) -> None:
    new_publisher(tmp_path, age=timedelta(days=80))
    code, _, err = console("refresh")
    assert code == 0 and err.startswith("warning: targets expires at ") and err.count("\n") == 1
    code, _, err = console("refresh", "--warn-days", 5)
    assert (code, err) == (0, "")
    code, _, err = console("status", "--warn-days", 11)
    assert code == 10 and err.startswith("error: targets expires at ")
    code, _, err = console("refresh", "--targets", "--warn-days", 30)
    assert (code, err) == (0, ""), "a timestamp that was just signed has half of its time left"
