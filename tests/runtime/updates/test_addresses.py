"""Addresses and proxies: what holds credentials, and who makes a device wait before a request is even sent."""

import time
from pathlib import Path

import pytest
from tests.runtime.updates.test_fetcher import CONTENT, LENGTH, Serve, repeats, sends, serve
from tuf.api.exceptions import DownloadError, SlowRetrievalError

from bitfit_runtime.errors import InputError, UnreachableError, UntrustedUpdateError
from bitfit_runtime.updates import Updater
from bitfit_runtime.updates.fetcher import Fetcher, NetworkOptions
from support.device import HASTY, Device

__all__ = ["serve"]
TLS_RECORD = b"\x16\x03\x03\x40\x00"


@pytest.mark.parametrize(
    ("proxy", "beginning"), [(True, b"HTTP/1.1 200 OK\r\nX: "), (True, b"HTTP/1.1 200"), (False, TLS_RECORD)]
)
def test_who_drips_before_a_connection_is_made_is_given_up(serve: Serve, proxy: bool, beginning: bytes) -> None:
    server = serve(repeats(beginning, b"x", pause=0.05))
    address = server.url.removesuffix("/file").removeprefix("http://")
    options = NetworkOptions(proxy=f"http://me:secret@{address}" if proxy else "", timeout=0.3, deadline=0.6)
    began = time.monotonic()
    with pytest.raises(SlowRetrievalError, match="too slow") as caught:
        Fetcher(options).download_bytes("https://updates.example/x" if proxy else f"https://{address}/x", 10)
    assert time.monotonic() - began < 60 and server.requests  # without an end it would be hours
    assert "secret" not in str(caught.value)


def test_a_name_and_password_are_sent_to_their_host_alone_and_shown_to_nobody(serve: Serve) -> None:
    elsewhere = serve(sends(LENGTH, CONTENT))
    moved = f"HTTP/1.1 302 X\r\nLocation: {elsewhere.url}\r\nContent-Length: 0\r\n\r\n".encode()
    within = b"HTTP/1.1 302 X\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n"
    server = serve(sends(within), sends(moved))
    url = server.url.replace("http://", "http://me:p%40ss-w%C3%B6rd@")
    assert Fetcher(HASTY).download_bytes(url, len(CONTENT)) == CONTENT
    for request in server.requests:
        assert b"authorization: basic bwu6cebzcy13w7zyza==" in request.lower()
    assert len(server.requests) == 2 and b"authorization" not in elsewhere.requests[0].lower()
    for answer in (b"HTTP/1.1 401 X\r\nContent-Length: 0\r\n\r\n", b"nonsense", LENGTH + CONTENT, b""):
        with pytest.raises(DownloadError) as caught:
            Fetcher(HASTY).download_bytes(serve(sends(answer)).url.replace("http://", "http://me:p%40ss@"), 10)
        assert "127.0.0.1" in str(caught.value) and "p%40ss" not in str(caught.value)


def test_a_name_and_password_do_not_defeat_no_proxy(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy, server = serve(sends(LENGTH, CONTENT)), serve(sends(LENGTH, CONTENT))
    monkeypatch.setenv("http_proxy", proxy.url)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert Fetcher().download_bytes(server.url.replace("http://", "http://me:secret@"), len(CONTENT)) == CONTENT
    assert proxy.requests == [] and len(server.requests) == 1


def test_options_do_not_show_the_password_of_a_proxy() -> None:
    assert "secret" not in repr(NetworkOptions(proxy="http://me:secret@proxy.example"))


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://cdn.example/app?token=1", "no query"),
        ("https://cdn.example/app#x", "no fragment"),
        ("ftp://me:secret@cdn.example/", "begins with https://"),
        ("https://me:secret@", "begins with https://"),
        ("https://me:secret@cdn.example:port/", "begins with https://"),
        ("me:secret@cdn.example", "begins with https://"),
        ("http://me:secret@[", "begins with https://"),
        ("https://me:secret@cdn.example/?x", "no query"),
    ],
)
def test_an_address_that_cannot_be_a_repositorys_is_refused(device: Device, url: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        Updater(device.store, url, b"", device.base, ["mood"])
    assert "secret" not in str(caught.value)


def test_a_repository_behind_a_password_is_followed(device: Device) -> None:
    pack = device.publish("mood", 1, seed=1)
    seen: list[str | None] = []
    device.server.interfere = lambda handler: seen.append(handler.headers["Authorization"])  # type: ignore[assignment,func-returns-value]
    url = device.server.url.replace("http://", "http://me:secret@")
    updater = Updater(
        device.store, url, device.published.first_root, device.base, ["mood"], network=HASTY, clock=lambda: device.now
    )
    assert [result.active for result in updater.run(device.engine)] == [True]
    assert device.answers(pack) and len(seen) == 5 and set(seen) == {"Basic bWU6c2VjcmV0"}


def test_a_page_of_a_network_that_wants_a_sign_in_is_no_attack(device: Device) -> None:
    page = b"  <!DOCTYPE html><title>Sign in</title>" + b"x" * 10_000
    for data in (page, page[:200]):

        def answer(handler: object, data: bytes = data) -> bool:
            handler.send_response(200)  # type: ignore[attr-defined]
            handler.send_header("Content-Length", str(len(data)))  # type: ignore[attr-defined]
            handler.end_headers()  # type: ignore[attr-defined]
            handler.wfile.write(data)  # type: ignore[attr-defined]
            return True

        device.publish("mood", 1, seed=1)
        device.server.interfere = answer
        with pytest.raises(UnreachableError, match="a web page; sign in"):
            device.updater.check()
        device.server.interfere = lambda handler: handler.path.endswith(".safetensors") and answer(handler)
        [result] = device.run()
        assert isinstance(result.error, UnreachableError) and not isinstance(result.error, UntrustedUpdateError)


@pytest.mark.parametrize("status", [403, 404, 410])
def test_whatever_a_server_calls_a_root_that_is_not_there(device: Device, status: int) -> None:
    pack = device.publish("mood", 1, seed=1)
    device.server.interfere = lambda handler: ".root." in handler.path and (handler.send_error(status) or True)  # type: ignore[func-returns-value]
    assert [result.active for result in device.run()] == [True]
    assert device.answers(pack)


def test_the_store_holds_no_credentials(device: Device) -> None:
    url = device.server.url.replace("http://", "http://me:secret@")
    device.publish("mood", 1, seed=1)
    Updater(device.store, url, device.published.first_root, device.base, ["mood"], network=HASTY).check()
    assert not [path for path in Path(device.store).rglob("*") if path.is_file() and b"secret" in path.read_bytes()]
