"""A signed repository on this machine, and a device that updates from it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bitfit_runtime import Base
from bitfit_runtime.updates import Updater
from bitfit_toolkit.publish import KeyRing, Publisher, open_server

POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Repository:
    """A publisher, and the folder and address where its repository is served."""

    publisher: Publisher
    folder: Path
    url: str

    def device(self, base: Base, task: str) -> Updater:
        """Return a device with one task and an empty store."""
        root = self.folder / "site" / "metadata" / "1.root.json"
        return Updater(self.folder / "store", self.url, root, base, [task])


@contextmanager
def serve_repository() -> Iterator[Repository]:
    """Serve a new repository over HTTP, and remove it afterwards."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        keys = KeyRing(folder / "keys", folder / "root-keys", lambda: "the passphrase of a benchmark")
        publisher = Publisher(folder / "site", keys)
        publisher.initialize()
        with open_server(folder / "site") as server:
            threading.Thread(target=server.serve_forever, args=(POLL_SECONDS,), daemon=True).start()
            try:
                yield Repository(publisher, folder, f"http://127.0.0.1:{server.server_port}/")
            finally:
                server.shutdown()
