"""Deadlines for servers that send a byte now and then.

http.client reads headers and chunk sizes line by line, and each of its reads has a timeout of its own. A timeout alone
would therefore let such a server keep a device waiting for days.
"""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Final

from urllib3 import HTTPConnectionPool, HTTPResponse, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection


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


class Connection(HTTPConnection):
    """A connection whose read timeout bounds all headers of a response together."""

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as urllib3 does
        """Return the response; the connection is shut down when its headers take too long."""
        seconds = self.timeout or socket.getdefaulttimeout() or 60
        with deadline(seconds, lambda: self.sock.shutdown(socket.SHUT_RDWR)) as expired:
            response = super().getresponse()
        if expired.is_set():  # http.client takes the end of the connection for the end of the headers
            response.close()
            raise TimeoutError("the headers did not end")
        return response


class TlsConnection(Connection, HTTPSConnection):
    """The same over TLS."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = TlsConnection


# For `PoolManager.pool_classes_by_scheme`: the read timeout bounds all headers of a response together.
POOLS: Final[dict[str, type[HTTPConnectionPool]]] = {"http": _Pool, "https": _TlsPool}
