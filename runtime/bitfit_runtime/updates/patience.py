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
def at_most(seconds: float, stop: Callable[[], object]) -> Iterator[None]:
    """Call `stop` from another thread if the block takes longer."""

    def give_up() -> None:
        with contextlib.suppress(OSError):  # it ended by itself meanwhile
            stop()

    timer = threading.Timer(max(seconds, 0), give_up)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


class _Patient(HTTPConnection):
    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as urllib3 does
        with at_most(self.timeout or socket.getdefaulttimeout() or 60, lambda: self.sock.shutdown(socket.SHUT_RDWR)):
            return super().getresponse()


class _PatientTls(_Patient, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Patient


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _PatientTls


# For `PoolManager.pool_classes_by_scheme`: all headers of a response together take the read timeout at most.
POOLS: Final[dict[str, type[HTTPConnectionPool]]] = {"http": _Pool, "https": _TlsPool}
