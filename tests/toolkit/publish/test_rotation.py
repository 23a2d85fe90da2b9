import shutil
from pathlib import Path

import pytest
from tuf.api.exceptions import UnsignedMetadataError

from bitfit_toolkit.errors import PublishError, SigningKeyError
from bitfit_toolkit.publish import Publisher, commit, rotation
from bitfit_toolkit.publish.catalogue import FLAT_TASKS
from support.publishing import BASE, Client, candidate, make_publisher, new_publisher, served

ONLINE = ("timestamp", "snapshot", "targets")


class Watched:
    """Reads the repository with a client that followed from the start and a fresh one, whenever it is asked to."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url, self.checks = folder, url, 0
        self.follower = Client(folder / "site", url, folder / "follower")

    def check(self) -> None:
        self.checks += 1
        fresh = Client(self.folder / "site", self.url, self.folder / f"fresh-{self.checks}")
        for client in (self.follower, fresh):
            release = client.find("mood")
            assert release is not None and release.number == 1


@pytest.mark.parametrize("role", [*ONLINE, "root"])
@pytest.mark.parametrize("tasks", [1, FLAT_TASKS + 1])
def test_clients_of_the_old_root_and_the_new_find_every_state_of_a_rotation_valid(
    role: str, tasks: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher = new_publisher(tmp_path)
    publisher.add([candidate("mood"), *(candidate(f"task-{i}") for i in range(tasks - 1))])
    [*_, old] = publisher.state().root.roles[role].keyids
    with served(tmp_path / "site") as url:
        watched = Watched(tmp_path, url)
        watched.check()

        def check_around(write_file, path: Path, *rest: object) -> None:  # type: ignore[no-untyped-def]
            watched.check()
            write_file(path, *rest)
            watched.check()

        for module in (commit, rotation):
            original = module.write_file
            monkeypatch.setattr(module, "write_file", lambda *a, original=original: check_around(original, *a))
        publisher.rotate_key(role, old[:8] if role == "root" else "")
        assert watched.checks >= 3
        monkeypatch.undo()
        assert old not in publisher.state().root.keys
        assert not list(tmp_path.glob(f"*keys/{role}-{old[:16]}.pem"))
        watched.check()
        publisher.refresh(targets=True)
        publisher.add([candidate("intents")])
        watched.check()
        # one signature again where one is asked for
        assert (tmp_path / "site" / "metadata" / "timestamp.json").read_text().count('"sig"') == 1


@pytest.mark.parametrize("role", ONLINE)
def test_a_lost_key_is_reported_and_replaced(role: str, tmp_path: Path) -> None:
    publisher = new_publisher(tmp_path)
    publisher.add([candidate("mood"), *(candidate(f"task-{i}") for i in range(FLAT_TASKS))])
    with served(tmp_path / "site") as url:
        client = Client(tmp_path / "site", url, tmp_path / "device")
        assert client.find("mood") is not None
        [key] = (tmp_path / "keys").glob(f"{role}-*.pem")
        key.unlink()
        with pytest.raises(SigningKeyError, match=f"the key that signs {role} is missing.*--lost"):
            publisher.add([candidate("intents")])
        with pytest.raises(SigningKeyError, match="is missing"):
            publisher.rotate_key(role)
        publisher.rotate_key(role, lost=True)
        publisher.add([candidate("intents")])
        assert client.find("mood") is not None
        assert client.find("intents") is not None


def test_replacing_a_lost_key_resumes_after_a_kill_between_its_two_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher = new_publisher(tmp_path)
    publisher.add([candidate("mood")])
    [key] = (tmp_path / "keys").glob("timestamp-*.pem")
    key.unlink()

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(commit, "write_file", killed)
    with pytest.raises(KeyboardInterrupt):
        publisher.rotate_key("timestamp", lost=True)
    monkeypatch.undo()
    with served(tmp_path / "site") as url:
        client = Client(tmp_path / "site", url, tmp_path / "device")
        with pytest.raises(UnsignedMetadataError):
            client.find("mood")
        publisher.rotate_key("timestamp", lost=True)
        assert client.find("mood") is not None
    assert len(list((tmp_path / "keys").glob("timestamp-*.pem"))) == 1


def test_a_lost_root_key_is_replaced_by_the_other_two_and_one_alone_is_not_enough(tmp_path: Path) -> None:
    publisher = new_publisher(tmp_path)
    publisher.add([candidate("mood")])
    first, second, _ = publisher.state().root.roles["root"].keyids
    for keyid in (first, second):
        shutil.move(tmp_path / "root-keys" / f"root-{keyid[:16]}.pem", tmp_path)
    with pytest.raises(SigningKeyError, match="a root needs 2 of its 3 keys, found 1"):
        publisher.rotate_key("root", first)
    shutil.move(tmp_path / f"root-{second[:16]}.pem", tmp_path / "root-keys")
    with pytest.raises(PublishError, match="should name the root key to replace"):
        publisher.rotate_key("root", "")
    with pytest.raises(PublishError, match="leave out `lost`"):
        publisher.rotate_key("root", first, lost=True)
    with pytest.raises(PublishError, match="leave out `key`"):
        publisher.rotate_key("snapshot", first)
    publisher.rotate_key("root", first)
    assert publisher.state().versions["root"] == 2
    with served(tmp_path / "site") as url:
        assert Client(tmp_path / "site", url, tmp_path / "device").find("mood") is not None


def test_a_revoked_key_signs_nothing_that_devices_take(tmp_path: Path) -> None:
    publisher = new_publisher(tmp_path)
    publisher.add([candidate("mood")])
    stolen = tmp_path / "stolen"
    shutil.copytree(tmp_path, stolen, ignore=shutil.ignore_patterns("stolen"))
    publisher.rotate_key("targets")
    thief: Publisher = make_publisher(stolen)
    thief.add([candidate("mood", "evil", BASE)])
    with served(stolen / "site") as url:
        shutil.copy(tmp_path / "site" / "metadata" / "2.root.json", stolen / "site" / "metadata")
        client = Client(tmp_path / "site", url, tmp_path / "device")
        with pytest.raises(UnsignedMetadataError):
            client.find("mood")


def test_root_keys_are_not_needed_to_publish(tmp_path: Path) -> None:
    publisher = new_publisher(tmp_path)
    shutil.move(tmp_path / "root-keys", tmp_path / "offline")
    publisher.add([candidate("mood")])
    publisher.refresh(targets=True)
    publisher.withdraw(["mood"], BASE)
    with pytest.raises(SigningKeyError, match="a root needs 2 of its 3 keys, found 0"):
        publisher.rotate_key("timestamp")


@pytest.mark.parametrize("lost", [False, True])
def test_a_rotation_that_lacks_any_key_publishes_nothing(lost: bool, tmp_path: Path) -> None:
    publisher = new_publisher(tmp_path)
    before = publisher.state().versions
    for role in ("timestamp", "targets"):
        [key] = (tmp_path / "keys").glob(f"{role}-*.pem")
        key.rename(tmp_path / key.name)
    with pytest.raises(SigningKeyError, match="the key that signs timestamp is missing"):
        publisher.rotate_key("snapshot", lost=lost)
    assert publisher.state().versions == before
