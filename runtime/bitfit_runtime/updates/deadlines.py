"""An end to waiting for a server that sends a byte now and then.

http.client reads headers and the sizes of chunks line by line, and each of its reads has a timeout of its own, so that
a timeout alone would let such a server keep a device waiting for days.
"""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Final

from urllib3 import HTTPConnectionPool, HTTPResponse, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection


@contextlib.contextmanager
def at_most(seconds: float, stop: Callable[[], object]) -> Iterator[threading.Event]:
    """Call `stop` from another thread if the block takes longer; the event that is yielded says so."""
    stopped = threading.Event()

    def give_up() -> None:
        stopped.set()
        with contextlib.suppress(OSError, ValueError, RuntimeError, AttributeError):  # it ended by itself meanwhile
            stop()

    timer = threading.Timer(max(seconds, 0), give_up)
    timer.daemon = True
    timer.start()
    try:
        yield stopped
    finally:
        timer.cancel()


class Connection(HTTPConnection):
    """One whose headers all together take its read timeout at most."""

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as urllib3 does
        """Return the response; the connection is shut down when its headers take too long."""
        seconds = self.timeout or socket.getdefaulttimeout() or 60
        with at_most(seconds, lambda: self.sock.shutdown(socket.SHUT_RDWR)) as stopped:
            response = super().getresponse()
        if stopped.is_set():  # http.client takes the end of the connection for that of the headers
            response.close()
            raise TimeoutError("the headers did not end")
        return response


class TlsConnection(Connection, HTTPSConnection):
    """The same over TLS."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = TlsConnection


# For `PoolManager.pool_classes_by_scheme`: all headers of a response together take the read timeout at most.
POOLS: Final[dict[str, type[HTTPConnectionPool]]] = {"http": _Pool, "https": _TlsPool}
