"""The network as a device meets it: lost connections, slow and endless servers, proxies."""

import functools
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tuf.api.exceptions import DownloadError, DownloadHTTPError, DownloadLengthMismatchError

from bitfit_runtime.updates.fetcher import Fetcher, NetworkOptions
from support.signed_folder import serving

CONTENT = bytes(range(256)) * 40
LENGTH = f"HTTP/1.1 200 OK\r\nContent-Length: {len(CONTENT)}\r\n\r\n".encode()
HASTY = NetworkOptions(proxy="", timeout=0.3, deadline=0.6, retry_delay=0)

Answer = Callable[[socket.socket], None]


class RawServer:
    """Answers each connection with the next of some functions of its socket; the last one stays."""

    def __init__(self, *answers: Answer) -> None:
        self._answers = list(answers)
        self.requests: list[bytes] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/file"
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._socket.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
                threading.Thread(target=self._answer, args=(connection, answer), daemon=True).start()

    def _answer(self, connection: socket.socket, answer: Answer) -> None:
        with suppress(OSError), connection:
            self.requests.append(connection.recv(65536))
            answer(connection)


Serve = Callable[..., RawServer]


@pytest.fixture
def serve() -> Iterator[Serve]:
    servers: list[RawServer] = []

    def start(*answers: Answer) -> RawServer:
        servers.append(RawServer(*answers))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def sends(*parts: bytes) -> Answer:
    return lambda connection: connection.sendall(b"".join(parts))


def repeats(beginning: bytes, part: bytes, pause: float = 0) -> Answer:
    def answer(connection: socket.socket) -> None:
        connection.sendall(beginning)
        while True:
            time.sleep(pause)
            connection.sendall(part)

    return answer


def test_a_lost_connection_is_taken_up_where_it_stopped(serve: Serve) -> None:
    rest = f"HTTP/1.1 206 Partial Content\r\nContent-Length: {len(CONTENT) - 100}\r\n\r\n".encode()
    server = serve(sends(LENGTH, CONTENT[:100]), sends(rest, CONTENT[100:]))
    fetcher = Fetcher(HASTY)
    assert fetcher.download_bytes(server.url, len(CONTENT)) == CONTENT
    assert b"Range: bytes=100-" in server.requests[1]
    assert (fetcher.received, fetcher.requests) == (len(CONTENT), 2)


def test_a_server_that_ignores_the_range_is_read_from_the_start(serve: Serve) -> None:
    server = serve(sends(LENGTH, CONTENT[:100]), sends(LENGTH, CONTENT))
    fetcher = Fetcher(HASTY)
    assert fetcher.download_bytes(server.url, len(CONTENT)) == CONTENT
    assert fetcher.received == len(CONTENT) + 100


def test_a_connection_that_is_always_lost_is_abandoned(serve: Serve) -> None:
    server = serve(sends(LENGTH, CONTENT[:10]))
    with pytest.raises(DownloadError, match="cannot fetch"):
        Fetcher(HASTY).download_bytes(server.url, len(CONTENT))
    assert len(server.requests) == HASTY.attempts


@pytest.mark.parametrize(
    "answer",
    [
        repeats(LENGTH, b"x", pause=0.05),
        repeats(b"HTTP/1.1 200 OK\r\nX-Header: ", b"x", pause=0.05),
        repeats(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", b"x", pause=0.05),
        repeats(b"HTTP/1.1 404 X\r\nTransfer-Encoding: chunked\r\n\r\n", b"0", pause=0.05),
        repeats(b"HTTP/1.1 302 X\r\nLocation: /x\r\nContent-Length: 100000\r\n\r\n", b"x", pause=0.05),
        repeats(b"HTTP/1.1 302 X\r\nLocation: /x\r\n\r\n", bytes(4096)),
        repeats(b"HTTP/1.1 503 X\r\nRetry-After: 9\r\nContent-Length: 100000\r\n\r\n", b"x", pause=0.05),
        lambda connection: time.sleep(5),
    ],
    ids=["body", "headers", "chunk", "error", "redirection", "endless redirection", "busy", "silence"],
)
def test_a_slow_server_is_given_up(serve: Serve, answer: Answer) -> None:
    done = threading.Event()

    def download() -> None:
        with suppress(DownloadError):
            Fetcher(HASTY).download_bytes(serve(answer).url, len(CONTENT))
        done.set()

    threading.Thread(target=download, daemon=True).start()
    assert done.wait(30)  # left to itself each of these lasts for minutes or days


@pytest.mark.parametrize("length", [b"", b"Content-Length: 1000000000000\r\n"])
def test_endless_data_are_cut_at_the_limit(serve: Serve, length: bytes) -> None:
    server = serve(repeats(b"HTTP/1.1 200 OK\r\n" + length + b"\r\n", bytes(4096)))
    fetcher = Fetcher(HASTY)
    with pytest.raises(DownloadLengthMismatchError):
        fetcher.download_bytes(server.url, 10_000)
    assert fetcher.received < 200_000


def test_an_endless_error_page_is_left(serve: Serve) -> None:
    server = serve(repeats(b"HTTP/1.1 404 Not Found\r\n\r\n", bytes(4096)))
    fetcher = Fetcher(HASTY)
    with pytest.raises(DownloadHTTPError) as caught:
        fetcher.download_bytes(server.url, 10)
    assert caught.value.status_code == 404 and fetcher.received <= 1024


def test_one_connection_serves_a_refusal_and_the_next_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(CONTENT)
    connections = []

    def refuse(handler: SimpleHTTPRequestHandler) -> bool:
        connections.append(handler.client_address)
        if handler.path == "/file":
            return False
        handler.send_response(404)
        handler.send_header("Content-Length", "4")
        handler.end_headers()
        handler.wfile.write(b"none")
        return True

    with serving(tmp_path) as server:
        server.interfere = refuse
        fetcher = Fetcher(HASTY)
        with pytest.raises(DownloadHTTPError):
            fetcher.download_bytes(f"{server.url}none", 1)
        assert fetcher.download_bytes(f"{server.url}file", len(CONTENT)) == CONTENT
    assert len(connections) == 2 and len(set(connections)) == 1


def test_a_file_is_fetched_from_where_the_server_sends_for_it(serve: Serve) -> None:
    moved = b"HTTP/1.1 302 X\r\nLocation: elsewhere?x=1\r\nContent-Length: 0\r\n\r\n"
    server = serve(sends(moved), sends(LENGTH, CONTENT))
    assert Fetcher(HASTY).download_bytes(server.url, len(CONTENT)) == CONTENT
    assert server.requests[1].startswith(b"GET /elsewhere?x=1 ")
    server = serve(sends(moved))
    with pytest.raises(DownloadError, match="more than 3 redirects"):
        Fetcher(HASTY).download_bytes(server.url, len(CONTENT))
    assert len(server.requests) == 4 * HASTY.attempts


def test_a_status_that_may_pass_is_tried_again_and_others_are_not(serve: Serve) -> None:
    busy, gone = (f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n".encode() for status in (503, 410))
    assert Fetcher(HASTY).download_bytes(serve(sends(busy), sends(LENGTH, CONTENT)).url, len(CONTENT)) == CONTENT
    server = serve(sends(gone))
    with pytest.raises(DownloadHTTPError):
        Fetcher(HASTY).download_bytes(server.url, 1)
    assert len(server.requests) == 1


def test_the_proxy_of_the_environment_or_of_the_options_is_asked(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = serve(sends(LENGTH, CONTENT))
    address = proxy.url.removesuffix("/file")
    monkeypatch.setenv("http_proxy", address)
    url = "http://updates.example/file"
    for options in (NetworkOptions(retry_delay=0), NetworkOptions(proxy=address)):
        assert Fetcher(options).download_bytes(url, len(CONTENT)) == CONTENT
        assert proxy.requests.pop().startswith(b"GET http://updates.example/file HTTP/1.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert Fetcher(NetworkOptions()).download_bytes(serve(sends(LENGTH, CONTENT)).url, len(CONTENT)) == CONTENT
    assert proxy.requests == []


def test_a_proxy_gets_the_name_and_password_of_its_url_and_needs_no_scheme(serve: Serve) -> None:
    proxy = serve(sends(LENGTH, CONTENT))
    address = proxy.url.removesuffix("/file").removeprefix("http://")
    for given in (f"http://me:p%40ss@{address}", f"me:p%40ss@{address}"):
        assert Fetcher(NetworkOptions(proxy=given)).download_bytes("http://updates.example/file", 99_999) == CONTENT
        assert b"basic bwu6cebzcw==" in proxy.requests.pop().lower()  # of me:p@ss, in whatever case a header may be


def test_a_server_is_believed_only_with_a_certificate_that_the_system_trusts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(self_signed(tmp_path))
    (tmp_path / "file").write_bytes(CONTENT)
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    monkeypatch.setattr(SimpleHTTPRequestHandler, "log_message", lambda *arguments: None)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        url = f"https://127.0.0.1:{server.server_port}/file"
        with pytest.raises(DownloadError, match="certificate verify failed"):
            Fetcher(HASTY).download_bytes(url, len(CONTENT))
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "both.pem"))
        assert Fetcher(HASTY).download_bytes(url, len(CONTENT)) == CONTENT
        server.shutdown()


def self_signed(folder: Path) -> Path:
    """A key with its own certificate for 127.0.0.1, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    address = x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(1)).not_valid_after(now + timedelta(1))
    certificate = builder.add_extension(address, critical=False).sign(key, hashes.SHA256())
    pem = serialization.Encoding.PEM
    plain = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = folder / "both.pem"
    path.write_bytes(plain + certificate.public_bytes(pem))
    return path


def test_nobody_listening_is_an_error_that_names_the_file() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/file"
    with pytest.raises(DownloadError, match=f"cannot fetch {url}: .*refused"):
        Fetcher(HASTY).download_bytes(url, 1)
