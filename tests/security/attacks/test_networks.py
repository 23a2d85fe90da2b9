"""A server that never ends, never hurries or sends nonsense costs a device a bounded number of bytes and seconds."""

import gc
import time
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler

import pytest
from tuf.api.metadata import Root, Snapshot, Targets, Timestamp

from bitfit_runtime.errors import UnreachableError, UntrustedUpdateError, UpdateError
from bitfit_runtime.updates.fetcher import CHUNK_BYTES
from bitfit_runtime.updates.schema import UPDATE_LIMITS
from support.attacker import announces_terabytes, begin, endless, newest
from support.victim import Victim

LIMITS = {
    Root.type: UPDATE_LIMITS.root_bytes,
    Timestamp.type: UPDATE_LIMITS.timestamp_bytes,
    Snapshot.type: UPDATE_LIMITS.snapshot_bytes,
    Targets.type: UPDATE_LIMITS.targets_bytes,
    "bin": UPDATE_LIMITS.targets_bytes,
    "pack": 0,
}


def path_of(victim: Victim, file: str) -> str:
    """Publish a release that the device lacks, and return where a file of it is; of the root, where the next may be."""
    victim.publish("mood", 3, seed=3)
    if file == "pack":
        return victim.pack_path()
    if file == "bin":
        file = newest(victim.site, Targets.type).delegations.succinct_roles.get_role_for_target(victim.path)
    version = newest(victim.site, file).version + (file == Root.type)
    return "metadata/timestamp.json" if file == Timestamp.type else f"metadata/{version}.{file}.json"


def run(victim: Victim) -> UpdateError:
    """Look for updates and take what is offered; return what went wrong."""
    try:
        [outcome] = victim.run()
    except UpdateError as error:
        return error
    assert isinstance(outcome.error, UpdateError)
    return outcome.error


def drips(handler: SimpleHTTPRequestHandler) -> None:
    begin(handler, 1000)
    while True:
        handler.wfile.write(b" ")
        time.sleep(0.01)


def drips_headers(handler: SimpleHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        handler.wfile.write(b"X")
        time.sleep(0.01)


@pytest.mark.parametrize("file", LIMITS)
def test_of_a_file_without_end_no_more_is_read_than_is_allowed(request: pytest.FixtureRequest, file: str) -> None:
    victim: Victim = request.getfixturevalue("victim_of_bins" if file == "bin" else "victim")
    path = path_of(victim, file)
    honest = sum(file.stat().st_size for file in victim.site.rglob("*.*"))
    for answer in (endless, announces_terabytes):
        attacker = victim.attack()
        attacker.answers[path] = answer
        before = victim.updater.fetcher.received
        assert isinstance(run(victim), UntrustedUpdateError)
        assert attacker.used == {path}
        assert victim.updater.fetcher.received - before <= LIMITS[file] + CHUNK_BYTES + honest


@pytest.mark.parametrize("answer", [drips, drips_headers])
@pytest.mark.parametrize("file", [Timestamp.type, "pack"])
def test_a_server_that_drips_is_given_up(
    victim: Victim, file: str, answer: Callable[[SimpleHTTPRequestHandler], None]
) -> None:
    path = path_of(victim, file)
    attacker = victim.attack()
    attacker.answers[path] = answer
    error = run(victim)
    assert isinstance(error, UnreachableError) and "is too slow" in str(error)
    assert attacker.used == {path}


@pytest.mark.parametrize(
    "location", ["/metadata/timestamp.json", "file:///etc/hostname", "ftp://127.0.0.1/x", "http://[", ""]
)
def test_a_server_that_sends_elsewhere_leads_to_no_file_of_the_device_and_round_in_no_circle(
    victim: Victim, location: str
) -> None:
    def redirects(handler: SimpleHTTPRequestHandler) -> None:
        handler.send_response(302)
        handler.send_header("Location", location.encode().decode("latin-1"))
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    attacker = victim.attack()
    attacker.answers["metadata/timestamp.json"] = redirects
    victim.server.seen.clear()
    assert isinstance(run(victim), UpdateError)
    assert len(victim.server.seen) <= 15


RAW = [
    b"\0" * 100 + b"\r\n\r\n",
    b"HTTP/9.9 abc\r\n\r\n",
    b"HTTP/1.1 99999 X\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000 + b"\r\n",
    b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n{}",
    b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
    b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 5-6/7\r\nContent-Length: 2\r\n\r\n{}",
    b"HTTP/1.1 304 Not Modified\r\n\r\n",
]


def test_answers_that_are_no_http_are_failures_of_one_kind(victim: Victim) -> None:
    for raw in RAW:

        def answer(handler: SimpleHTTPRequestHandler, raw: bytes = raw) -> None:
            handler.wfile.write(raw)
            handler.close_connection = True

        attacker = victim.attack()
        attacker.answers["metadata/timestamp.json"] = answer
        assert isinstance(run(victim), UpdateError)
        assert attacker.used == {"metadata/timestamp.json"}


NONSENSE = [
    b"",
    b"\0\xff",
    b"[1, 2, 3]",
    b"[" * 4000,
    b'{"signed":{"_type":"timestamp","x":' + b"[" * 900 + b"]" * 900 + b'},"signatures":[]}',
    b'{"signed":' + b"9" * 4000 + b',"signatures":[]}',
    b'{"signed":{"_type":"\\ud800"},"signatures":[]}',
    b'{"signed":{"_type":"timestamp","version":"1","meta":[]},"signatures":3}',
]


@pytest.fixture
def no_collection() -> Iterator[None]:
    """Keep others' finalizers from running at the bottom of a deep parse, where they fail for want of a stack."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collection")
@pytest.mark.parametrize("path", ["metadata/2.root.json", "metadata/timestamp.json"])
def test_nonsense_is_refused_as_untrusted(victim: Victim, path: str) -> None:
    for data in NONSENSE:
        attacker = victim.attack()
        attacker.answers[path] = data
        assert isinstance(run(victim), UntrustedUpdateError)
        assert attacker.used == {path}
