"""Connections that a server or a proxy can neither hold open nor fill.

http.client reads headers and chunk sizes line by line, and each of its reads has a timeout of its own; so has each read
of a TLS handshake. Timeouts alone would therefore let a server that sends a byte now and then keep a device waiting for
days. It also reads headers of up to six megabytes.
"""

import contextlib
import http.client
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, Final

from urllib3 import HTTPConnectionPool, HTTPResponse, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

HEADER_BYTES: Final = 64 << 10
DEFAULT_TIMEOUT: Final = 60


@contextlib.contextmanager
def deadline(seconds: float, cancel: Callable[[], object]) -> Iterator[threading.Event]:
    """Call `cancel` from another thread if the block takes longer than `seconds`; the yielded event is set then."""
    expired = threading.Event()

    def expire() -> None:
        expired.set()
        with contextlib.suppress(OSError, ValueError, RuntimeError, AttributeError):  # the block ended meanwhile
            cancel()

    timer = threading.Timer(max(seconds, 0), expire)
    timer.daemon = True
    timer.start()
    try:
        yield expired
    finally:
        timer.cancel()


class _HeaderLines:
    """The lines of a response's headers, which end with an error after `HEADER_BYTES`."""

    def __init__(self, stream: BinaryIO) -> None:
        self.stream, self._left = stream, HEADER_BYTES

    def readline(self, limit: int = -1) -> bytes:
        line = self.stream.readline(limit)
        self._left -= len(line)
        if self._left < 0:
            raise http.client.HTTPException(f"the headers have more than {HEADER_BYTES} bytes")
        return line

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


class _Response(http.client.HTTPResponse):
    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.fp: Any = _HeaderLines(self.fp)

    def begin(self) -> None:
        super().begin()
        if isinstance(self.fp, _HeaderLines):  # None where there is no body
            self.fp = self.fp.stream


class Connection(HTTPConnection):
    """A connection whose timeout bounds its making, handshakes and proxy included, and all headers of a response."""

    response_class = _Response
    _line: socket.socket | None = None  # the same line as `sock`, which TLS takes over

    def connect(self) -> None:
        """Connect; what takes too long is shut down."""
        with deadline(self._seconds, self._hang_up) as expired:
            self._expired = expired
            try:
                super().connect()
            except Exception:
                if not expired.is_set():
                    raise
            finally:
                if self._line is not None:
                    self._line.close()
                    self._line = None
        if expired.is_set():  # http.client takes the end of the line for the end of what it was reading
            self.close()
            raise TimeoutError("the connection was not made in time")

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as urllib3 does
        """Return the response; the connection is shut down when its headers take too long."""
        with deadline(self._seconds, lambda: self.sock.shutdown(socket.SHUT_RDWR)) as expired:
            response = super().getresponse()
        if expired.is_set():  # http.client takes the end of the connection for the end of the headers
            response.close()
            raise TimeoutError("the headers did not end")
        return response

    def _tunnel(self) -> None:
        super()._tunnel()
        if self._expired.is_set():  # no handshake on a line that was shut down: its socket would be left open
            raise TimeoutError("the proxy did not answer in time")

    def _new_conn(self) -> socket.socket:
        new = super()._new_conn()
        self._line = new.dup()
        return new

    def _hang_up(self) -> None:
        if self._line is not None:
            self._line.shutdown(socket.SHUT_RDWR)

    @property
    def _seconds(self) -> float:
        return self.timeout or socket.getdefaulttimeout() or DEFAULT_TIMEOUT


class TlsConnection(Connection, HTTPSConnection):
    """The same over TLS."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = TlsConnection


# For `PoolManager.pool_classes_by_scheme`.
POOLS: Final[dict[str, type[HTTPConnectionPool]]] = {"http": _Pool, "https": _TlsPool}
