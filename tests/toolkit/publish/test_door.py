"""The publisher as a program uses it: paths, names and defaults."""

from pathlib import Path

import pytest

from bitfit_runtime import Base, Engine, write_pack
from bitfit_runtime.errors import BaseNotFoundError, InputError
from bitfit_toolkit.errors import PublishError, SigningKeyError
from bitfit_toolkit.publish import KeyRing, Lifetimes, Publisher, open_server
from bitfit_toolkit.publish.keys import PASSPHRASE_VARIABLE
from support.packs import random_pack
from support.publishing import BASE, PASSPHRASE, candidate


@pytest.fixture
def publisher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Publisher:
    """A publisher opened by paths, with its passphrase in the environment."""
    monkeypatch.setenv(PASSPHRASE_VARIABLE, PASSPHRASE)
    Publisher(str(tmp_path / "site"), KeyRing(str(tmp_path / "keys"), str(tmp_path / "root-keys"))).initialize()
    return Publisher(str(tmp_path / "site"), str(tmp_path / "keys"))


def published(publisher: Publisher) -> dict[str, int]:
    return {release.task: release.number for release in publisher.state().catalogue.releases.values()}


def test_pack_files_are_published_by_task_and_skipped_when_nothing_is_new(
    publisher: Publisher, base: Base, engine: Engine, tmp_path: Path
) -> None:
    mood = str(write_pack(random_pack(base, 1), tmp_path / "mood.safetensors"))
    intents = write_pack(random_pack(base, 2), tmp_path / "intents.safetensors")
    releases = publisher.publish({"mood": mood, "intents": intents}, base=str(base.folder))
    assert [(release.task, release.number) for release in releases] == [("mood", 1), ("intents", 1)]
    assert publisher.publish({"mood": mood}, base=engine) == []
    assert [release.number for release in publisher.publish({"mood": intents}, base=engine, release=7)] == [7]
    assert published(publisher) == {"mood": 7, "intents": 1}


def test_a_base_that_is_missing_and_a_folder_that_is_not_a_repository_are_reported(
    publisher: Publisher, tmp_path: Path
) -> None:
    with pytest.raises(BaseNotFoundError):
        publisher.publish({"mood": "mood.safetensors"}, base=tmp_path / "nowhere")
    with pytest.raises(PublishError, match="bitfit publish init"):
        Publisher(tmp_path / "other", tmp_path / "nowhere").publish({"mood": "mood.safetensors"}, base="nowhere")


def test_tasks_are_withdrawn_by_any_name_of_their_base(publisher: Publisher, base: Base) -> None:
    digest = base.manifest.digest
    names = (None, base, base.folder, str(base.folder), digest, digest.removeprefix("sha256:")[:16])
    for number, name in enumerate(names, 1):
        publisher.add([candidate("mood", base=digest)])
        assert published(publisher) == {"mood": number}
        publisher.withdraw(["mood"], name)
        assert published(publisher) == {}
    publisher.add([candidate("mood", base=digest), candidate("mood", base=BASE)])
    with pytest.raises(PublishError, match="`base` should say whose packs"):
        publisher.withdraw(["mood"])
    with pytest.raises(InputError, match="put it into a list"):
        publisher.withdraw("mood", base)


def test_a_folder_of_keys_takes_its_passphrase_from_the_environment(
    publisher: Publisher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher.refresh()
    monkeypatch.delenv(PASSPHRASE_VARIABLE)
    with pytest.raises(SigningKeyError, match=f"set {PASSPHRASE_VARIABLE}"):
        Publisher(tmp_path / "site", tmp_path / "keys").refresh()
    assert publisher.state().catalogue.releases == {}, "reading needs no passphrase"


def test_root_keys_are_asked_for_by_the_name_of_the_parameter(publisher: Publisher) -> None:
    with pytest.raises(SigningKeyError, match="set `root_keys` to their folder"):
        publisher.refresh(root=True)


def test_metadata_last_as_long_as_the_defaults_say(publisher: Publisher, tmp_path: Path) -> None:
    assert Lifetimes.read(tmp_path / "keys" / "publish.json") == Lifetimes()


def test_a_server_opens_a_folder_given_as_text(publisher: Publisher, tmp_path: Path) -> None:
    with open_server(str(tmp_path / "site")) as server:
        assert server.server_port
