"""Addresses of repositories and proxies: their credentials are sent, and shown to nobody."""

from base64 import b64encode
from urllib.parse import unquote, urlsplit, urlunsplit

from bitfit_runtime.errors import InputError


def check_repository_url(url: str) -> str:
    """Return the URL of a repository with a slash at its end. Raises InputError, which shows no credentials."""
    shown = without_credentials(url)
    try:
        parts = urlsplit(url)
        sound = parts.scheme in ("http", "https") and parts.hostname is not None and parts.port is not False
    except ValueError:  # a port that is not a number, a bracket without its pair
        sound = False
    if not sound:
        raise InputError(f"the URL of a repository begins with https:// or http://, found {shown!r}")
    if "?" in url or "#" in url:
        raise InputError(
            f"the URL of a repository has no query and no fragment, found {shown!r}: names of files are put behind it; "
            "leave out what follows the path"
        )
    return url if url.endswith("/") else f"{url}/"


def split_credentials(url: str) -> tuple[str, str | None]:
    """Return a URL without its user name and password, and the value of the header that sends them."""
    parts = urlsplit(url)
    user, marker, host = parts.netloc.rpartition("@")
    if not marker:
        return url, None
    encoded = b64encode(unquote(user).encode()).decode()
    return urlunsplit(parts._replace(netloc=host)), f"Basic {encoded}"


def without_credentials(url: str) -> str:
    """Return a URL, or what should have been one, without what may be a user name and password."""
    start = url.find("//") + 2 if "//" in url else 0
    end = min((place for mark in "/?#" if (place := url.find(mark, start)) >= 0), default=len(url))
    at = url.rfind("@", start, end)
    return url if at < 0 else f"{url[:start]}{url[at + 1 :]}"


def origin(url: str) -> tuple[str, str]:
    """Return scheme, host and port of a URL: whoever else is asked gets no credentials."""
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.rpartition("@")[2]
