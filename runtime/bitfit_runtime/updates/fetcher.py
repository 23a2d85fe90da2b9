"""Files from a web server: with an end to how long and how large, and going on where a lost connection stopped."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, urljoin, urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from tuf.api.exceptions import DownloadError, DownloadHTTPError, DownloadLengthMismatchError, SlowRetrievalError
from tuf.ngclient import FetcherInterface
from urllib3 import BaseHTTPResponse, PoolManager, ProxyManager

from bitfit_runtime.formats.schema import CREATED_BY
from bitfit_runtime.updates.deadlines import POOLS, at_most

CHUNK: Final = 64 << 10
# What an error says is read, so that the connection can serve the next request, but not more than this.
ERROR_BYTES: Final = 1 << 10
REDIRECTIONS: Final = 3
TRANSIENT: Final = frozenset({408, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class NetworkOptions:
    """How a device talks to the server.

    `proxy` is a URL, with a name and password if need be; None takes the environment's (`https_proxy`, `no_proxy` …)
    and "" none. `timeout` bounds a connection, a request's headers and each silence, in seconds. A file may take
    `patience` seconds, and one more for each `slowest` bytes. It is asked for `attempts` times at most, from where it
    was lost, after `pause` seconds.
    """

    proxy: str | None = None
    timeout: float = 10
    patience: float = 30
    slowest: int = 1_000
    attempts: int = 3
    pause: float = 0.5


class Fetcher(FetcherInterface):
    """Fetches for The Update Framework's client. `received` counts the bytes of all bodies, `requests` the requests."""

    def __init__(self, options: NetworkOptions | None = None, now: Callable[[], float] = time.monotonic) -> None:
        self._options, self._now = options or NetworkOptions(), now
        self._managers: dict[str | None, PoolManager] = {}
        self.received = 0
        self.requests = 0

    def download_bytes(self, url: str, max_length: int) -> bytes:
        """Return a file of at most `max_length` bytes, held in memory alone. Raises DownloadError."""
        data = bytearray()
        for chunk in self.fetch(url):
            data += chunk
            if len(data) > max_length:
                raise DownloadLengthMismatchError(f"{url} has more than the {max_length} bytes that are allowed")
        return bytes(data)

    def _fetch(self, url: str) -> Iterator[bytes]:
        pace = _Pace(self._options, self._now)
        for attempt in range(1, self._options.attempts + 1):
            try:
                for chunk in self._request(url, pace):
                    pace.received += len(chunk)
                    yield chunk
            except (urllib3.exceptions.HTTPError, ValueError, _TransientError) as error:  # ValueError: a bad Location
                if attempt == self._options.attempts or pace.left <= 0:
                    raise _final(url, error, pace) from error
                time.sleep(self._options.pause)
            else:
                return

    def _request(self, url: str, pace: "_Pace") -> Iterator[bytes]:
        """Yield what is lacking of a file, as it comes."""
        start = pace.received
        headers = {"User-Agent": CREATED_BY, "Accept-Encoding": "identity"} | (
            {"Range": f"bytes={start}-"} if start else {}
        )
        response = self._open(url, headers)
        try:
            if response.status >= 400:
                self._chunk(response, pace, ERROR_BYTES)
                if response.status in TRANSIENT:
                    raise _TransientError(response.status)
                raise DownloadHTTPError(f"{url} cannot be had: HTTP status {response.status}", response.status)
            yield from self._body(response, pace, skip=0 if response.status == 206 else start)
        finally:
            response.close()  # of no effect where all was read: the connection then serves the next request

    def _open(self, url: str, headers: Mapping[str, str]) -> BaseHTTPResponse:
        """Ask for a file, also where the server sends for it. urllib3 itself would read all that is said on the way."""
        timeout = urllib3.Timeout(connect=self._options.timeout, read=self._options.timeout)
        for _ in range(1 + REDIRECTIONS):
            self.requests += 1
            response = self._manager(url).request(
                "GET", url, headers=headers, timeout=timeout, retries=False, redirect=False,
                preload_content=False, decode_content=False,
            )  # fmt: skip
            location = response.get_redirect_location()
            if not location:
                return response
            response.close()
            url = urljoin(url, location)
        raise urllib3.exceptions.ProtocolError(f"more than {REDIRECTIONS} redirections")

    def _body(self, response: BaseHTTPResponse, pace: "_Pace", skip: int) -> Iterator[bytes]:
        while chunk := self._chunk(response, pace, CHUNK):
            wanted, skip = chunk[skip:], max(0, skip - len(chunk))
            if wanted:
                yield wanted

    def _chunk(self, response: BaseHTTPResponse, pace: "_Pace", size: int) -> bytes:
        """Return at most `size` bytes of a body, as soon as there are some; none at its end."""
        with at_most(pace.left, response.shutdown):
            chunk = response.read1(size)  # `read` and `stream` would wait until a chunk is full
        if pace.left <= 0:
            raise urllib3.exceptions.ProtocolError("too slow")
        self.received += len(chunk)
        return chunk

    def _manager(self, url: str) -> PoolManager:
        proxy = self._proxy(url)
        if proxy not in self._managers:
            manager = _through(proxy) if proxy else PoolManager()
            manager.pool_classes_by_scheme = POOLS
            self._managers[proxy] = manager
        return self._managers[proxy]

    def _proxy(self, url: str) -> str | None:
        if self._options.proxy is not None:
            return self._options.proxy or None
        parts, proxies = urlsplit(url), getproxies()
        if parts.hostname is None or proxy_bypass(parts.netloc):
            return None
        return proxies.get(parts.scheme, proxies.get("all"))


def _through(proxy: str) -> ProxyManager:
    """Return connections through a proxy. Its URL may hold a name and a password, which urllib3 leaves out."""
    address = urllib3.util.parse_url(proxy if "://" in proxy else f"http://{proxy}")
    headers = urllib3.make_headers(proxy_basic_auth=unquote(address.auth)) if address.auth else None
    return ProxyManager(address.url, proxy_headers=headers)


class _Pace:
    """How much of a file has come, and how many seconds are left for more."""

    def __init__(self, options: NetworkOptions, now: Callable[[], float]) -> None:
        self._options, self._now, self._began = options, now, now()
        self.received = 0

    @property
    def left(self) -> float:
        allowed = self._options.patience + self.received / self._options.slowest
        return self._began + allowed - self._now()


class _TransientError(Exception):
    """The server answered with a status that may pass."""

    def __init__(self, status: int) -> None:
        super().__init__(f"HTTP status {status}")
        self.status = status


def _final(url: str, error: Exception, pace: _Pace) -> DownloadError:
    refused = isinstance(error, urllib3.exceptions.NewConnectionError)  # which urllib3 counts among timeouts
    if pace.left <= 0 or (isinstance(error, urllib3.exceptions.TimeoutError) and not refused):
        return SlowRetrievalError(f"{url} comes too slowly: {pace.received} bytes before the device gave up")
    if isinstance(error, _TransientError):
        return DownloadHTTPError(f"{url} cannot be had: {error}", error.status)
    return DownloadError(f"{url} cannot be had: {error}")
