"""Downloads from a web server, bounded in time and size, that resume where a connection was lost."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urljoin, urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from tuf.api.exceptions import DownloadError, DownloadHTTPError, DownloadLengthMismatchError, SlowRetrievalError
from tuf.ngclient import FetcherInterface
from urllib3 import BaseHTTPResponse, PoolManager, ProxyManager

from bitfit_runtime.arguments import instance, seconds, whole_number
from bitfit_runtime.formats.schema import CREATED_BY
from bitfit_runtime.updates.addresses import origin, split_credentials, without_credentials
from bitfit_runtime.updates.connections import POOLS, deadline

CHUNK_BYTES: Final = 64 << 10
PAGE_START: Final = 256
# The body of an error is read so that its connection can serve the next request, but no further than this.
ERROR_BYTES: Final = 1 << 10
MAX_REDIRECTS: Final = 3
SHORTEST_WAIT, LONGEST_WAIT = 1e-3, 24 * 60 * 60  # seconds
TRANSIENT_STATUSES: Final = frozenset({408, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class NetworkOptions:
    """How a device talks to the server. Times are in seconds.

    `proxy` is a URL, with a user name and password if need be; None takes the proxy of the environment (`https_proxy`,
    `no_proxy` …) and "" none. `timeout` bounds connecting, the headers of a response, and each silence. A file must
    arrive within `deadline`, extended by the time that what was received takes at `min_bytes_per_second`. A file is
    requested at most `attempts` times, `retry_delay` apart, each time from where the last attempt stopped. Raises
    InputError.
    """

    proxy: str | None = field(default=None, repr=False)  # it may hold a password
    timeout: float = 10
    deadline: float = 30
    min_bytes_per_second: int = 1_000
    attempts: int = 3
    retry_delay: float = 0.5

    def __post_init__(self) -> None:
        """Raises InputError."""
        if self.proxy is not None:
            instance(self.proxy, "proxy", str, "a URL")
        for name in ("timeout", "deadline"):
            seconds(getattr(self, name), name, LONGEST_WAIT, SHORTEST_WAIT)
        seconds(self.retry_delay, "retry_delay", LONGEST_WAIT)
        for name in ("min_bytes_per_second", "attempts"):
            whole_number(getattr(self, name), name, 1)


class Fetcher(FetcherInterface):
    """The fetcher of The Update Framework's client. `received` counts the bytes of all bodies, `requests` requests.

    A user name and password in a URL are sent to its host alone, and are in no message.
    """

    def __init__(self, options: NetworkOptions | None = None, now: Callable[[], float] = time.monotonic) -> None:
        self._options, self._now = options or NetworkOptions(), now
        self._managers: dict[str | None, PoolManager] = {}
        self.received = 0
        self.requests = 0

    def download_bytes(self, url: str, max_length: int) -> bytes:
        """Return a file of at most `max_length` bytes, held in memory only. Raises DownloadError."""
        data = bytearray()
        for chunk in self.fetch(url):
            data += chunk
            if len(data) > max_length:
                break
        shown = without_credentials(url)
        if data[:PAGE_START].lstrip()[:1] == b"<":  # neither metadata nor packs begin so
            raise DownloadError(
                f"{shown} is answered with a web page; sign in where the network asks for it, or correct the URL"
            )
        if len(data) > max_length:
            raise DownloadLengthMismatchError(f"{shown} has more than the allowed {max_length} bytes")
        return bytes(data)

    def _fetch(self, url: str) -> Iterator[bytes]:
        url, credentials = split_credentials(url)
        transfer = _Transfer(self._options, self._now)
        for attempt in range(1, self._options.attempts + 1):
            try:
                for chunk in self._request(url, credentials, transfer):
                    transfer.received += len(chunk)
                    yield chunk
            except (urllib3.exceptions.HTTPError, OSError, ValueError, _TransientError) as error:
                # ValueError: a bad Location
                if attempt == self._options.attempts or transfer.seconds_left <= 0:
                    raise _download_error(url, error, transfer) from error
                time.sleep(self._options.retry_delay)
            else:
                return

    def _request(self, url: str, credentials: str | None, transfer: "_Transfer") -> Iterator[bytes]:
        """Yield the rest of a file, as it arrives."""
        start = transfer.received
        headers = {"User-Agent": CREATED_BY, "Accept-Encoding": "identity"} | (
            {"Range": f"bytes={start}-"} if start else {}
        )
        response = self._open(url, headers, credentials)
        try:
            if response.status >= 400:
                self._read(response, transfer, ERROR_BYTES)
                if response.status in TRANSIENT_STATUSES:
                    raise _TransientError(response.status)
                raise DownloadHTTPError(f"cannot fetch {url}: HTTP status {response.status}", response.status)
            yield from self._body(response, transfer, skip=0 if response.status == 206 else start)
        finally:
            response.close()  # without effect where all was read: the connection then serves the next request

    def _open(self, url: str, headers: Mapping[str, str], credentials: str | None) -> BaseHTTPResponse:
        """Request a file and follow redirects. urllib3 itself would read the whole body of each redirect."""
        timeout = urllib3.Timeout(connect=self._options.timeout, read=self._options.timeout)
        host = origin(url)
        for _ in range(1 + MAX_REDIRECTS):
            self.requests += 1
            private = {"Authorization": credentials} if credentials and origin(url) == host else {}
            response = self._manager(url).request(
                "GET", url, headers={**headers, **private}, timeout=timeout, retries=False, redirect=False,
                preload_content=False, decode_content=False,
            )  # fmt: skip
            location = response.get_redirect_location()
            if not location:
                return response
            response.close()
            url = without_credentials(urljoin(url, location))
        raise urllib3.exceptions.ProtocolError(f"more than {MAX_REDIRECTS} redirects")

    def _body(self, response: BaseHTTPResponse, transfer: "_Transfer", skip: int) -> Iterator[bytes]:
        while chunk := self._read(response, transfer, CHUNK_BYTES):
            wanted, skip = chunk[skip:], max(0, skip - len(chunk))
            if wanted:
                yield wanted

    def _read(self, response: BaseHTTPResponse, transfer: "_Transfer", size: int) -> bytes:
        """Return at most `size` bytes of a body, as soon as there are some; none at its end."""
        with deadline(transfer.seconds_left, response.shutdown):
            chunk = response.read1(size)  # `read` and `stream` would wait until a chunk is full
        if transfer.seconds_left <= 0:
            raise urllib3.exceptions.ProtocolError("too slow")
        self.received += len(chunk)
        return chunk

    def _manager(self, url: str) -> PoolManager:
        proxy = self._proxy(url)
        if proxy not in self._managers:
            manager = _proxy_manager(proxy) if proxy else PoolManager()
            manager.pool_classes_by_scheme = POOLS
            self._managers[proxy] = manager
        return self._managers[proxy]

    def _proxy(self, url: str) -> str | None:
        if self._options.proxy is not None:
            return self._options.proxy or None
        parts, proxies = urlsplit(url), getproxies()
        if parts.hostname is None or proxy_bypass(origin(url)[1]):
            return None
        return proxies.get(parts.scheme, proxies.get("all"))


def _proxy_manager(proxy: str) -> ProxyManager:
    """Return connections through a proxy. Its URL may hold a user name and password, which urllib3 leaves out."""
    address, credentials = split_credentials(proxy if "://" in proxy else f"http://{proxy}")
    headers = {"Proxy-Authorization": credentials} if credentials else None
    return ProxyManager(address, proxy_headers=headers)


class _Transfer:
    """How many bytes of a file were received, and how many seconds are left for the rest."""

    def __init__(self, options: NetworkOptions, now: Callable[[], float]) -> None:
        self._options, self._now, self._began = options, now, now()
        self.received = 0

    @property
    def seconds_left(self) -> float:
        allowed = self._options.deadline + self.received / self._options.min_bytes_per_second
        return self._began + allowed - self._now()


class _TransientError(Exception):
    """The server answered with a status that may pass."""

    def __init__(self, status: int) -> None:
        super().__init__(f"HTTP status {status}")
        self.status = status


def _download_error(url: str, error: Exception, transfer: _Transfer) -> DownloadError:
    refused = isinstance(error, urllib3.exceptions.NewConnectionError)  # which urllib3 counts among timeouts
    if transfer.seconds_left <= 0 or (isinstance(error, urllib3.exceptions.TimeoutError) and not refused):
        return SlowRetrievalError(f"{url} is too slow: {transfer.received} bytes were received in time")
    if isinstance(error, _TransientError):
        return DownloadHTTPError(f"cannot fetch {url}: {error}", error.status)
    return DownloadError(f"cannot fetch {url}: {error}")
