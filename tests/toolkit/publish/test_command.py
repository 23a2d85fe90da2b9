import json
import subprocess
import sys
from pathlib import Path

import pytest
import urllib3

from bitfit_runtime import Base, write_pack
from bitfit_toolkit.cli.app import run
from support.packs import random_pack
from support.publishing import PASSPHRASE, Client, candidate, new_publisher, served


@pytest.fixture
def bitfit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):  # type: ignore[no-untyped-def]
    """Run `bitfit publish COMMAND` on a repository in the folder; return exit code, output and errors."""
    monkeypatch.setenv("BITFIT_KEY_PASSPHRASE", PASSPHRASE)

    def publish(*arguments: object, repository: str = "site") -> tuple[int, str, str]:
        where = ("--repository", tmp_path / repository, "--keys", tmp_path / "keys")
        with pytest.raises(SystemExit) as left:
            run(["publish", *map(str, (*arguments, *where))])
        captured = capsys.readouterr()
        return int(left.value.code or 0), captured.out, captured.err

    return publish


def test_packs_are_published_listed_withdrawn_and_published_again(base: Base, tmp_path: Path, bitfit) -> None:  # type: ignore[no-untyped-def]
    write_pack(random_pack(base), tmp_path / "mood.safetensors")
    write_pack(random_pack(base, 1, labels=3), tmp_path / "second.safetensors")
    root_keys = ("--root-keys", tmp_path / "root-keys")
    code, out, err = bitfit("init", *root_keys, "--timestamp-days", 3, "--json")
    assert (code, json.loads(out)["roles"]["timestamp"]["version"]) == (0, 1), err

    packs = (tmp_path / "mood.safetensors", f"intents={tmp_path / 'second.safetensors'}")
    code, out, err = bitfit("add", *packs, "--base", base.folder, "--json")
    assert code == 0, err
    assert [(r["task"], r["number"], r["label_count"]) for r in json.loads(out)["releases"]] == [
        ("mood", 1, 2),
        ("intents", 1, 3),
    ]
    code, out, _ = bitfit("add", *packs, "--base", base.folder)
    assert code == 0 and "nothing new" in out

    with served(tmp_path / "site") as url:
        client = Client(tmp_path / "site", url, tmp_path / "device")
        assert client.find("intents", base.manifest.digest) is not None
        for command in (("withdraw", "intents"), ("rotate-key", "snapshot", *root_keys), ("refresh", "--targets")):
            code, out, err = bitfit(*command)
            assert code == 0, err
        assert client.find("intents", base.manifest.digest) is None
    code, out, _ = bitfit("status", "--json")
    status = json.loads(out)
    assert [release["task"] for release in status["releases"]] == ["mood"]
    assert list(status["withdrawn"].values()) == [1]
    assert status["bases"] == {base.manifest.digest[7:23]: base.manifest.digest}
    assert status["roles"]["root"]["version"] == 2
    assert len(status["roles"]["root"]["keys"]) == 3
    code, out, _ = bitfit("status")
    assert code == 0 and "withdrawn" in out and "mood" in out


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("status",), 10, "create one with 'bitfit publish init'"),
        (("refresh",), 10, "holds no keys of a repository"),
        (("add", "x.safetensors", "--base", "base"), 10, "create one with 'bitfit publish init'"),
        (("rotate-key", "mirror", "--root-keys", "r"), 2, "'mirror'"),
        (("rotate-key", "root", "--root-keys", "r", "--lost"), 10, "lost"),
        (("rotate-key", "snapshot", "--root-keys", "r", "--key", "1a"), 10, "there is nothing to choose"),
        (("init", "--root-keys", "r", "--root-days", "0"), 10, "from 1 to 3650 days"),
    ],
)
def test_errors_are_one_line(arguments: tuple[str, ...], code: int, words: str, bitfit) -> None:  # type: ignore[no-untyped-def]
    found, _, err = bitfit(*arguments)
    assert (found, words in " ".join(err.split())) == (code, True), err
    assert "Traceback" not in err


def test_a_missing_folder_is_not_served(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        run(["publish", "serve", "--repository", str(tmp_path / "none"), "--port", "0"])
    err = capsys.readouterr().err
    assert (left.value.code, err.count("\n")) == (10, 1) and "is not a folder" in err


def test_refusals_at_the_command_line(base: Base, tmp_path: Path, bitfit, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    new_publisher(tmp_path)
    assert bitfit("remove", "mood")[0] == 2  # no base has packs yet
    pack = tmp_path / "mood.safetensors"
    pack.write_bytes(b"not a pack")
    assert bitfit("add", pack, "--base", base.folder)[0] == 5
    write_pack(random_pack(base), pack)
    code, _, err = bitfit("add", f"Mood={pack}", "--base", base.folder)
    assert code == 3 and "the name of a published task" in err
    assert bitfit("add", pack, "--base", base.folder, "--release", 5)[0] == 0
    assert bitfit("add", pack, "--base", base.folder, "--release", 5)[0] == 0  # as after an interruption
    code, _, err = bitfit("add", pack, "--base", base.folder, "--release", 4)
    assert code == 10 and "its last release was 5" in err
    monkeypatch.delenv("BITFIT_KEY_PASSPHRASE")
    code, _, err = bitfit("refresh")
    assert code == 10 and "set BITFIT_KEY_PASSPHRASE" in err


def test_the_server_gives_files_from_an_offset_and_nothing_outside(tmp_path: Path) -> None:
    publisher = new_publisher(tmp_path)
    [release] = publisher.add([candidate("mood")])
    path = publisher.layout.pack(release)
    with served(tmp_path / "site") as url, urllib3.PoolManager() as pool:
        address = url + path.relative_to(tmp_path / "site").as_posix()
        assert pool.request("GET", address).data == path.read_bytes()
        rest = pool.request("GET", address, headers={"Range": "bytes=9-"})
        assert (rest.status, rest.data) == (206, path.read_bytes()[9:])
        assert rest.headers["Content-Range"] == f"bytes 9-{release.size - 1}/{release.size}"
        assert pool.request("GET", address, headers={"Range": f"bytes={release.size}-"}).status == 416
        for outside in ("", "metadata/", "metadata/2.root.json", "%2e%2e/keys/root.json", "../keys/publish.json"):
            assert pool.request("GET", url + outside, preload_content=True).status == 404


def test_the_command_line_works_without_the_extra_and_names_it() -> None:
    code = "\n".join(
        (
            "import sys",
            "for name in ('tuf', 'securesystemslib', 'cryptography', 'filelock'):",
            "    sys.modules[name] = None",
            "from bitfit_toolkit.cli.app import run",
            "run(['publish', 'status', '--repository', 'site', '--keys', 'keys'])",
        )
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 11
    assert "pip install 'bitfit-edge[publish]'" in done.stderr and "Traceback" not in done.stderr
