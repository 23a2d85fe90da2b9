"""Static web server on this machine, for trying out a repository. In production any web server or CDN will do."""

import functools
import re
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any

from bitfit_toolkit.errors import RepositoryError


def open_server(folder: str | Path, port: int = 0) -> ThreadingHTTPServer:
    """Return a server of the folder on 127.0.0.1, which the caller runs and closes; port 0 picks a free one.

    Raises RepositoryError where there is no such folder, OSError.
    """
    if not Path(folder).is_dir():
        raise RepositoryError(f"{folder} is not a folder, so it cannot be served; create it with 'bitfit publish init'")
    return ThreadingHTTPServer(("127.0.0.1", port), functools.partial(_Handler, directory=str(folder)))


class _Handler(SimpleHTTPRequestHandler):
    """Serves files, whole or from an offset on, and lists no folders."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # a body follows its headers at once, not 40 ms later
    error_message_format = "%(code)d %(message)s\n"
    error_content_type = "text/plain"

    def send_head(self) -> BytesIO | None:
        path = Path(self.translate_path(self.path))
        if not path.is_file():
            self.send_error(HTTPStatus.NOT_FOUND)
            return None
        data = path.read_bytes()
        resumed = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(resumed[1]) if resumed else 0
        if resumed and start >= len(data):
            self.send_error(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
            return None
        self.send_response(HTTPStatus.PARTIAL_CONTENT if resumed else HTTPStatus.OK)
        if resumed:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.send_header("Content-Type", self.guess_type(path))
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        return BytesIO(data[start:])

    def log_message(self, *_: Any) -> None:
        """Keep the terminal quiet."""
