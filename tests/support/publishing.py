"""A repository of tiny packs, a web server before it, and python-tuf's own client as the reader."""

import contextlib
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tuf.ngclient import TargetFile, Updater
from tuf.ngclient.urllib3_fetcher import Urllib3Fetcher

from bitfit_runtime.updates.schema import Release, target_path
from bitfit_toolkit.publish import Candidate, KeyRing, Publisher
from bitfit_toolkit.publish.server import open_server

BASE = "sha256:" + "5a" * 32
PASSPHRASE = "many random words here"
METRICS = {"accuracy": 0.8125, "f1_macro": 0.798123, "matthews": 0.612345}


def candidate(task: str, content: str = "first", base: str = BASE) -> Candidate:
    return Candidate(base, task, 77, METRICS, f"{task} {content}".encode() * 10)


def make_publisher(folder: Path, age: timedelta = timedelta(0), passphrase: str = PASSPHRASE) -> Publisher:
    """The publisher of the repository in a folder; `age` is how far its clock is behind."""
    return Publisher(folder / "site", make_keys(folder, passphrase), lambda: datetime.now(UTC) - age)


def make_keys(folder: Path, passphrase: str = PASSPHRASE) -> KeyRing:
    """The keys of the repository in a folder."""
    return KeyRing(folder / "keys", folder / "root-keys", lambda: passphrase)


def new_publisher(folder: Path, age: timedelta = timedelta(0)) -> Publisher:
    publisher = make_publisher(folder, age)
    publisher.initialize()
    return publisher


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    with open_server(folder) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


class CountingFetcher(Urllib3Fetcher):
    """Keeps what each address gave, in bytes; bodies of refusals are not among them."""

    def __init__(self) -> None:
        super().__init__()
        self.moved: dict[str, int] = {}

    def _fetch(self, url: str) -> Iterator[bytes]:
        for chunk in super()._fetch(url):
            name = url.rpartition("/")[2]
            self.moved[name] = self.moved.get(name, 0) + len(chunk)
            yield chunk


class Client:
    """A device's metadata, kept from one check to the next."""

    def __init__(self, site: Path, url: str, store: Path) -> None:
        self._root = (site / "metadata" / "1.root.json").read_bytes()
        self._url = url
        self._store = store
        store.mkdir()
        self.moved: dict[str, int] = {}

    def find(self, task: str, base: str = BASE) -> Release | None:
        """What is published of a task now; the pack itself is fetched and compared too."""
        fetcher = CountingFetcher()
        updater = Updater(
            *(str(self._store), f"{self._url}metadata/", str(self._store), f"{self._url}packs/"),
            fetcher=fetcher,
            bootstrap=self._root,
        )
        target: TargetFile | None = updater.get_targetinfo(target_path(base, task))
        self.moved = dict(fetcher.moved)  # before the pack
        if target is None:
            return None
        data = Path(updater.download_target(target)).read_bytes()
        assert len(data) == target.length
        return Release.from_target(base, task, target.length, target.hashes, target.custom)
