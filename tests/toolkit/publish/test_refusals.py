import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

from bitfit_runtime import Base, Engine, write_pack
from bitfit_runtime.canary import make_canary
from bitfit_runtime.errors import CanaryError, InputError, PackMismatchError
from bitfit_runtime.formats import parse_pack
from bitfit_toolkit.errors import PublishBusyError, PublishError, RepositoryError, SigningKeyError
from bitfit_toolkit.publish import KeyRing, Lifetimes, Publisher, validate_pack
from support.packs import random_pack
from support.publishing import BASE, PASSPHRASE, candidate, make_publisher, new_publisher


def test_a_pack_without_canary_gets_one_and_one_with_a_canary_keeps_its_bytes(
    base: Base, engine: Engine, tmp_path: Path
) -> None:
    bare, complete = tmp_path / "bare.safetensors", tmp_path / "complete.safetensors"
    write_pack(random_pack(base), bare)
    found = validate_pack(engine, "mood", bare)
    pack = parse_pack(found.data)
    assert pack.canary is not None
    assert (found.base, found.task, found.label_count) == (base.manifest.digest, "mood", 2)
    write_pack(pack, complete)
    assert validate_pack(engine, "mood", complete).data == complete.read_bytes() == found.data


def test_a_pack_of_another_base_or_that_fails_its_canary_is_refused(base: Base, engine: Engine, tmp_path: Path) -> None:
    pack, path = random_pack(base), tmp_path / "pack.safetensors"
    write_pack(replace(pack, info=replace(pack.info, base=BASE)), path)
    with pytest.raises(PackMismatchError):
        validate_pack(engine, "mood", path)
    complete = make_canary(engine, pack)
    assert complete.canary is not None
    wrong = replace(complete.canary, expected=np.nextafter(complete.canary.expected, np.float32(9)))
    write_pack(replace(complete, canary=wrong), path)
    with pytest.raises(CanaryError):
        validate_pack(engine, "mood", path)


@pytest.mark.parametrize("name", ["", "Mood", "../mood", "a/b", "con", ".mood", "mood\n", "ﬁ"])
def test_names_that_are_not_a_file_name_everywhere_are_refused(name: str, engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the name of a published task"):
        validate_pack(engine, name, tmp_path / "unread")


def test_releases_never_go_back(tmp_path: Path) -> None:
    publisher = new_publisher(tmp_path)
    publisher.add([candidate("mood")], release=7)
    for number in (-1, 0, 1, 7, 2**53 + 1):
        with pytest.raises(PublishError, match="cannot be published as release"):
            publisher.add([candidate("mood", "second")], release=number)
    publisher.withdraw(["mood"], BASE)
    with pytest.raises(PublishError, match="its last release was 7"):
        publisher.add([candidate("mood")], release=7)
    assert [release.number for release in publisher.add([candidate("mood")])] == [8]


def test_a_command_that_is_refused_in_part_publishes_nothing(tmp_path: Path) -> None:
    publisher = new_publisher(tmp_path)
    before = publisher.state().versions
    with pytest.raises(PublishError, match="'mood' is given twice"):
        publisher.add([candidate("mood"), candidate("intents"), candidate("mood", "second")])
    with pytest.raises(PublishError, match="is published; 'bitfit publish status' lists"):
        publisher.withdraw(["mood"], BASE)
    assert publisher.state().versions == before
    assert publisher.add([]) == []


def test_packs_that_are_published_already_are_skipped(tmp_path: Path) -> None:
    publisher = new_publisher(tmp_path)
    publisher.add([candidate("mood")])
    versions = publisher.state().versions
    assert publisher.add([candidate("mood")]) == []
    assert publisher.add([candidate("mood")], release=1) == [], "as when its command is repeated"
    assert publisher.state().versions == versions
    assert [release.number for release in publisher.add([candidate("mood")], release=2)] == [2]


def test_what_the_keys_did_not_sign_is_never_signed_again(tmp_path: Path) -> None:
    publisher = new_publisher(tmp_path)
    publisher.add([candidate("mood")])
    metadata = tmp_path / "site" / "metadata"
    for name in ("timestamp.json", "2.snapshot.json", "2.targets.json", "1.root.json"):
        honest = (metadata / name).read_bytes()
        document = json.loads(honest)
        document["signed"]["x-added"] = "evil"
        (metadata / name).write_text(json.dumps(document))
        if name == "1.root.json":  # the publisher keeps its own
            publisher.state()
        else:
            with pytest.raises(RepositoryError, match=f"{name} cannot be trusted"):
                publisher.add([candidate("intents")])
        (metadata / name).write_bytes(honest[:-9])
        if name != "1.root.json":
            with pytest.raises(RepositoryError, match=f"{name} cannot be trusted"):
                publisher.refresh()
        (metadata / name).write_bytes(honest)
    shutil.copy(metadata / "1.targets.json", metadata / "2.targets.json")
    with pytest.raises(RepositoryError, match="it is version 1"):
        publisher.add([candidate("intents")])


def test_a_root_that_the_former_root_did_not_sign_is_refused(tmp_path: Path) -> None:
    publisher, stranger = new_publisher(tmp_path / "ours"), new_publisher(tmp_path / "theirs")
    stranger.refresh(root=True)
    root = tmp_path / "theirs" / "site" / "metadata" / "2.root.json"
    shutil.copy(root, tmp_path / "ours" / "site" / "metadata")
    with pytest.raises(RepositoryError, match=r"2\.root\.json cannot be trusted"):
        publisher.refresh()


@pytest.mark.parametrize(
    ("passphrase", "message"),
    [
        ("wrong words, all wrong", "cannot be opened"),
        ("bytes that are not text: \udcff", "cannot be opened"),
        ("short", "at least 12"),
        ("long" * 256, "at most 1023"),
    ],
)
def test_a_wrong_passphrase_is_reported_in_one_line(passphrase: str, message: str, tmp_path: Path) -> None:
    new_publisher(tmp_path)
    with pytest.raises(SigningKeyError, match=message) as caught:
        make_publisher(tmp_path, passphrase=passphrase).refresh()
    assert "\n" not in str(caught.value)


def test_a_key_file_of_another_key_is_reported(tmp_path: Path) -> None:
    publisher = new_publisher(tmp_path / "ours")
    new_publisher(tmp_path / "theirs")
    [ours], [theirs] = ((tmp_path / who / "keys").glob("targets-*.pem") for who in ("ours", "theirs"))
    shutil.copy(theirs, ours)
    with pytest.raises(SigningKeyError, match="holds another key"):
        publisher.add([candidate("mood")])
    ours.write_text("not a key")
    with pytest.raises(SigningKeyError, match="cannot be opened"):
        publisher.add([candidate("mood")])


def test_keys_are_for_their_owner_alone_and_hold_no_plain_secret(tmp_path: Path) -> None:
    new_publisher(tmp_path)
    files = list(tmp_path.glob("*keys/*.pem"))
    assert len(files) == 6
    for path in files:
        assert path.stat().st_mode & 0o077 == 0
        assert path.read_text().startswith("-----BEGIN ENCRYPTED PRIVATE KEY-----")
    assert (tmp_path / "root-keys").stat().st_mode & 0o077 == 0


def test_nothing_is_written_over_and_one_command_writes_at_a_time(tmp_path: Path) -> None:
    publisher = new_publisher(tmp_path)
    with pytest.raises(PublishError, match="is already a repository"):
        publisher.initialize()
    shutil.move(tmp_path / "site", tmp_path / "moved")
    with pytest.raises(PublishError, match="holds the keys of another repository"):
        publisher.initialize()
    shutil.move(tmp_path / "moved", tmp_path / "site")
    with FileLock(tmp_path / "keys" / ".lock"), pytest.raises(PublishBusyError):
        publisher.refresh()


@pytest.mark.parametrize("keys", ["site/keys", "site"])
def test_keys_are_never_made_where_they_would_be_served(keys: str, tmp_path: Path) -> None:
    for online, root in ((keys, "root-keys"), ("keys", keys)):
        ring = KeyRing(tmp_path / online, tmp_path / root, lambda: PASSPHRASE)
        with pytest.raises(PublishError, match="keys must not be in"):
            Publisher(tmp_path / "site", ring).initialize(Lifetimes())
    assert not list(tmp_path.rglob("*.pem"))


def test_metadata_that_devices_would_refuse_are_not_published(tmp_path: Path) -> None:
    publisher = new_publisher(tmp_path)
    many = replace(candidate("mood"), metrics={f"metric-{i}": 0.5 for i in range(60_000)})
    with pytest.raises(PublishError, match=r"targets metadata would have \d+ bytes, devices accept at most 524288"):
        publisher.add([many])
    many = replace(many, metrics={f"metric-{i}": 0.5 for i in range(8_000)})
    with pytest.raises(PublishError, match=r"targets metadata would hold \d+ values, devices accept at most 16000"):
        publisher.add([many])
    assert publisher.state().versions["timestamp"] == 1
    assert not list((tmp_path / "site" / "packs").glob("*/*"))


@pytest.mark.parametrize("days", [{"root": 0}, {"timestamp": -1}, {"targets": 4000}])
def test_lifetimes_are_days_that_make_sense(days: dict[str, int]) -> None:
    with pytest.raises(PublishError, match="should last from 1 to 3650 days"):
        Lifetimes(**days)


@pytest.mark.parametrize("text", ["{", "[]", '{"schema_version": 2}', '{"schema_version": 1, "days": {"root": "x"}}'])
def test_settings_that_cannot_be_read_are_reported(text: str, tmp_path: Path) -> None:
    publisher = new_publisher(tmp_path)
    (tmp_path / "keys" / "publish.json").write_text(text)
    with pytest.raises(PublishError):
        publisher.refresh()
    with pytest.raises(PublishError, match="holds no keys of a repository"):
        make_publisher(tmp_path / "elsewhere").refresh()
    with pytest.raises(PublishError, match=r"root\.json is missing"):
        make_publisher(tmp_path / "elsewhere").state()
