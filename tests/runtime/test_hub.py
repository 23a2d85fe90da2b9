"""Bases and packs by their names on the hub, through a stand-in of it: there, back, and what can go wrong."""

import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub.utils import logging as hub_logging

from bitfit_runtime import Base, Engine, read_pack, write_pack
from bitfit_runtime.errors import PackError
from bitfit_runtime.hub import PackBase, PackDocument, asked
from bitfit_runtime.hub_names import HubName
from support.hub_stand_in import HubStandIn, Repository, hub_stand_in, run_python
from support.packs import random_pack

OPEN = "from bitfit_runtime import Base, Engine, Pack, read_pack\n"
ANSWER = OPEN + (
    "e = Engine('me/base', threads=1); e.install('mood', 'me/mood'); print(e.predict('a day', task='mood').probability)"
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hub-home")


@pytest.fixture(scope="module")
def pack_file(base: Base, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pack(random_pack(base), tmp_path_factory.mktemp("packs") / "mood.safetensors")


@pytest.fixture(scope="module")
def filled(base: Base, pack_file: Path, home: Path) -> Iterator[HubStandIn]:
    """Return a hub that holds the base and the pack."""
    with hub_stand_in() as hub:
        code = f"{OPEN}print(Base.open({str(base.folder)!r}).push_to_hub('me/base'))\n"
        code += f"print(read_pack({str(pack_file)!r}).push_to_hub('me/mood', base='me/base'))"
        done = run_python(code, hub.environment(home), home)
        assert done.returncode == 0, done.stderr
        commits = [hub.repositories[name].names["main"] for name in ("me/base", "me/mood")]
        assert done.stdout.split() == [f"me/base@{commits[0]}", f"me/mood@{commits[1]}"]
        hub.repositories["me/base"].names["v1"] = commits[0]
        yield hub


@pytest.fixture
def hub(filled: HubStandIn) -> Iterator[HubStandIn]:
    filled.requests.clear()
    yield filled
    filled.limited = False
    filled.torn.clear()
    filled.repositories["me/mood"].private = False


def test_what_was_pushed_comes_back_with_equal_bytes(hub: HubStandIn, base: Base, pack_file: Path) -> None:
    [files], [pack] = ([*hub.repositories[name].commits.values()][1:] for name in ("me/base", "me/mood"))
    for name in base.manifest.files:
        assert files[name] == (base.folder / name).read_bytes()
    assert pack["pack.safetensors"] == pack_file.read_bytes()
    assert hub.repositories["me/base"].names["main"] in pack["bitfit.json"].decode()
    assert base.manifest.digest in pack["bitfit.json"].decode()


def test_hub_names_answer_as_files_do_and_a_second_time_offline_nothing_is_asked(
    hub: HubStandIn, base: Base, pack_file: Path, tmp_path: Path
) -> None:
    engine = Engine(base, threads=1)
    engine.install("mood", pack_file)
    expected = str(engine.predict("a day", task="mood").as_dict()["probability"])
    hub.torn.add("model.weights")
    first = run_python(ANSWER, hub.environment(tmp_path), tmp_path)
    assert first.returncode == 0 and first.stdout.strip() == expected, first.stderr
    hub.requests.clear()
    second = run_python(ANSWER, hub.environment(tmp_path, offline=True), tmp_path)
    assert second.returncode == 0 and second.stdout.strip() == expected, second.stderr
    commit = hub.repositories["me/base"].names["main"]
    by_commit = f"{OPEN}print(Base.from_pretrained('me/base', revision={commit!r}).manifest.digest)"
    third = run_python(by_commit, hub.environment(tmp_path), tmp_path)
    assert third.stdout.strip() == base.manifest.digest, third.stderr
    assert hub.requests == []


def test_a_torn_download_goes_on_where_it_broke_off(hub: HubStandIn, tmp_path: Path) -> None:
    # huggingface_hub reads in pieces of 10 MiB: of a smaller file it has nothing to go on from.
    data = bytes(24 << 20)
    digest = hashlib.sha256(data).hexdigest()
    hub.repositories["me/large"] = Repository()
    document = PackDocument(digest, PackBase("sha256:0", "none")).to_json().encode()
    hub.repositories["me/large"].commit("main", {"pack.safetensors": data, "bitfit.json": document})
    hub.torn.add("pack.safetensors")
    code = "from bitfit_runtime.hub import fetch_pack, HubName; print(fetch_pack(HubName('me/large'))[0])"
    done = run_python(code, hub.environment(tmp_path), tmp_path)
    assert done.returncode == 0 and not hub.torn, done.stderr
    assert hub.ranges == [f"bytes={10 << 20}-"]
    assert Path(done.stdout.strip()).read_bytes() == data


def test_a_private_pack_wants_a_token(hub: HubStandIn, tmp_path: Path) -> None:
    hub.repositories["me/mood"].private = True
    code = f"{OPEN}Pack.from_pretrained('me/mood', token=%s)"
    refused = run_python(code % None, hub.environment(tmp_path, token=None), tmp_path)
    assert "PackNotFoundError: there is no path me/mood" in refused.stderr.splitlines()[-1]
    given = run_python(code % repr(hub.token), hub.environment(tmp_path, token=None), tmp_path)
    assert given.returncode == 0, given.stderr


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("Engine('me/mood')", "holds a pack, expected a base"),
        ("read_pack('me/base')", "holds a base, expected a pack"),
        ("Engine('me/nothing')", "nor such a repository on the hub, or it is private"),
        ("Engine('me/base@v9')", "me/base has no revision v9: it was moved or deleted"),
        ("Base.from_pretrained('base')", "'base' is not a name on the hub"),
        ("Pack.from_pretrained('me/empty')", "has no file bitfit.json: it is no base or pack of ours"),
        ("Pack.from_pretrained('me/altered')", "was altered or is incomplete: expected SHA-256"),
        ("read_pack('me/mood@main').push_to_hub('me/x', base='me/other')", "holds base sha256:0000"),
        ("read_pack('me/mood@main').push_to_hub('x')", "'x' is not a name on the hub"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(hub: HubStandIn, code: str, says: str, home: Path) -> None:
    pack = hub.repositories["me/mood"].commits[hub.repositories["me/mood"].names["main"]]
    for name, files in {
        "me/empty": {"README.md": b""},
        "me/altered": {**pack, "pack.safetensors": pack["pack.safetensors"] + b"?"},
        "me/other": {"bitfit.json": b'{"format": "bitfit-base", "files": {"model.onnx": "' + 64 * b"0" + b'"}}'},
    }.items():
        hub.repositories[name] = Repository()
        hub.repositories[name].commit("main", files)
    done = run_python(OPEN + code, hub.environment(home), home)
    last = done.stderr.splitlines()[-1]
    assert done.returncode == 1 and last.startswith("bitfit_runtime.errors.") and says in last, last


def test_no_token_a_rate_limit_and_no_network_are_said(hub: HubStandIn, pack_file: Path, tmp_path: Path) -> None:
    push = f"{OPEN}read_pack({str(pack_file)!r}).push_to_hub('me/new')"
    done = run_python(push, hub.environment(tmp_path, token=None), tmp_path)
    assert "HubError: the hub does not permit this with me/new (401); log in" in done.stderr.splitlines()[-1]
    hub.limited = True
    done = run_python(push, hub.environment(tmp_path), tmp_path)
    assert "HubError: the hub limits requests for now (429)" in done.stderr.splitlines()[-1]
    offline = run_python(f"{OPEN}Engine('me/base')", hub.environment(tmp_path, offline=True), tmp_path)
    assert "not in the local cache, while the hub is not reached" in offline.stderr.splitlines()[-1]


def test_without_huggingface_hub_the_extra_is_named(tmp_path: Path) -> None:
    code = f"import sys; sys.modules['huggingface_hub'] = None\n{OPEN}Engine('me/base')"
    with hub_stand_in() as hub:
        done = run_python(code, hub.environment(tmp_path), tmp_path)
    last = done.stderr.splitlines()[-1]
    assert "MissingExtraError: a name on the hub, for there is no such path, needs huggingface_hub; run: pip" in last
    assert last.endswith("pip install 'bitfit-edge[hub]'")


@pytest.mark.parametrize("text", ["base", "./base", "/a/b", "a/b/c", "a/b.safetensors", "../a/b", "a/b@", "a/b@-x", ""])
def test_what_is_no_hub_name_stays_a_path(text: str) -> None:
    assert HubName.parse(text) is None


def test_an_existing_path_is_never_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("me/base").mkdir(parents=True)
    assert HubName.of_path(Path("me/base")) is None
    assert HubName.of_path(Path("me/other@v1")) == HubName("me/other", "v1")


def test_a_name_that_is_too_long_for_a_file_stays_a_path_and_is_refused_as_one() -> None:
    assert HubName.of_path(Path("x" * 300)) is None
    with pytest.raises(PackError, match="File name too long"):
        read_pack("x" * 300)


def test_calls_at_once_silence_the_hub_until_the_last_is_done_and_no_longer() -> None:
    before, entered, leave = hub_logging.get_verbosity(), threading.Event(), threading.Event()

    def outlast() -> None:
        entered.set()
        leave.wait(10)

    def overlap() -> int:
        other.start()
        entered.wait(10)
        return hub_logging.get_verbosity()

    other = threading.Thread(target=asked, args=(HubName("me/late"), outlast))
    assert asked(HubName("me/early"), overlap) == hub_logging.CRITICAL  # it leaves first
    assert hub_logging.get_verbosity() == hub_logging.CRITICAL
    leave.set()
    other.join()
    assert hub_logging.get_verbosity() == before
