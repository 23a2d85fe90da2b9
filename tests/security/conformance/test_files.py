"""What a client downloads, and the commands as the suite gives them."""

import subprocess
import sys
from pathlib import Path

import pytest
from tuf.api.metadata import Targets

from bitfit_toolkit.publish.catalogue import FLAT_TASKS
from support import conformance_client
from support.publishing import BASE, candidate, new_publisher
from support.signed_folder import serving
from support.simulated import TOP, Repository, SuiteClient


@pytest.mark.parametrize("name", ["file", "a/b/c/file.txt", "with space", "ä", "a//b", "a+b&c=d"])
def test_a_file_is_downloaded_after_a_refresh_by_itself(repository: Repository, client: SuiteClient, name: str) -> None:
    repository.add_file(name, b"data")
    repository.publish(Targets.type)
    assert client.download(name) == 0
    assert client.versions() == [1, 2, 2, 2]
    assert client.downloaded() == [b"data"]


def test_a_file_that_no_role_lists_is_not_asked_for(repository: Repository, client: SuiteClient) -> None:
    (repository.folder / "files").mkdir()
    (repository.folder / "files" / "file").write_bytes(b"data")
    assert client.download("file") == 1
    assert "file" not in client.asked()
    assert client.downloaded() == []


def test_a_file_that_is_there_is_not_fetched_again_until_it_changes(
    repository: Repository, client: SuiteClient
) -> None:
    repository.add_file("file", b"first")
    repository.publish(Targets.type)
    client.download("file")
    client.asked()
    assert client.download("file") == 0
    assert client.asked() == ["2.root.json", "timestamp.json"]
    repository.add_file("file", b"second")
    repository.publish(Targets.type)
    assert client.download("file") == 0
    assert client.downloaded() == [b"second"]


@pytest.mark.parametrize("data", [b"other", b"longer data", b"dat", b""])
def test_a_file_of_other_content_is_refused_and_what_was_there_kept(
    repository: Repository, client: SuiteClient, data: bytes
) -> None:
    repository.add_file("file", b"first")
    repository.publish(Targets.type)
    assert client.download("file") == 0
    place = repository.add_file("file", b"datum")
    repository.publish(Targets.type)
    place.write_bytes(data)
    assert client.download("file") == 1
    assert client.downloaded() == [b"first"]


def test_every_hash_of_a_file_is_compared(repository: Repository, client: SuiteClient) -> None:
    repository.add_file("file", b"data", algorithms=["sha512", "sha256"])
    repository.publish(Targets.type)
    assert client.download("file") == 0
    [path] = client.files.iterdir()
    path.unlink()
    repository.targets().targets["file"].hashes["sha512"] = "0" * 128
    repository.publish(Targets.type)
    assert client.download("file") == 1
    assert client.downloaded() == []


def test_a_hash_that_no_one_can_compute_is_refused(repository: Repository, client: SuiteClient) -> None:
    place = repository.add_file("file", b"data")
    repository.targets().targets["file"].hashes = {"md5sum": "0" * 32}
    place.rename(place.with_name(f"{'0' * 32}.file"))
    repository.publish(Targets.type)
    assert client.download("file") == 1
    assert client.downloaded() == []


@pytest.mark.parametrize("tasks", [1, FLAT_TASKS + 1])
def test_the_commands_read_what_bitfit_publishes(tmp_path: Path, tasks: int) -> None:
    publisher = new_publisher(tmp_path)
    publisher.add([candidate(f"task-{number}") for number in range(tasks)])
    with serving(tmp_path / "site") as server:
        client = SuiteClient(tmp_path / "client", tmp_path / "site", server, files="packs")
        assert client.refresh() == 0
        for path in list(publisher.state().catalogue.releases)[:3]:
            assert client.download(path) == 0
        assert client.download(f"{BASE}/none") == 1
    assert len(client.downloaded()) == min(tasks, 3)


def test_the_commands_run_as_a_program(repository: Repository, client: SuiteClient, tmp_path: Path) -> None:
    repository.add_file("file", b"data")
    repository.publish(Targets.type)
    metadata, files = tmp_path / "metadata", tmp_path / "files"
    for folder in (metadata, files):
        folder.mkdir()

    def run(*arguments: str) -> tuple[int, int]:
        program = [sys.executable, conformance_client.__file__, "--metadata-dir", str(metadata), *arguments]
        result = subprocess.run(program, capture_output=True, text=True, check=False)
        return result.returncode, result.stderr.count("\n")

    urls = ("--metadata-url", f"{client.url}metadata/", "--target-base-url", f"{client.url}files/")
    assert run("init", str(repository.folder / "metadata" / "1.root.json")) == (0, 0)
    assert run(*urls, "refresh") == (0, 0)
    assert run(*urls, "--target-name", "file", "--target-dir", str(files), "download") == (0, 0)
    assert run(*urls, "--target-name", "none", "--target-dir", str(files), "download") == (1, 1)
    assert sorted(path.name for path in metadata.glob("*.json")) == [f"{role}.json" for role in sorted(TOP)]
    assert [path.read_bytes() for path in files.iterdir()] == [b"data"]
