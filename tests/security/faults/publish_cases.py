"""What a publisher does with its folders, and what a reader of the repository must find afterwards."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from unittest import mock

from tuf.api.exceptions import DownloadHTTPError
from tuf.ngclient import FetcherInterface, Updater

from bitfit_runtime.errors import BitfitError
from bitfit_runtime.updates.schema import target_path
from bitfit_toolkit.publish import KeyRing, Publisher, catalogue
from security.faults.trial import Operation, Verdict
from support.publishing import BASE, PASSPHRASE, candidate

TASKS: Final = ("mood", "topics", "intents", "task-0")
NOW: Final = datetime.now(UTC)
View = Mapping[str, str | None]  # by task the digest of its pack
# A repository with few tasks in few bins: the same writes, fewer of them.
SMALL: Final = {"FLAT_TASKS": 3, "MIN_BITS": 2}


class FolderReader(FetcherInterface):
    """Gives The Update Framework's client the files of a folder, and keeps what it gave."""

    def __init__(self) -> None:
        super().__init__()
        self.read: dict[Path, bytes] = {}

    def _fetch(self, url: str) -> Iterator[bytes]:
        path = Path(url)
        if not path.is_file():
            raise DownloadHTTPError(f"{url} is missing", 404)
        self.read[path] = path.read_bytes()
        yield self.read[path]


def open_publisher(folder: Path) -> Publisher:
    return Publisher(folder / "site", KeyRing(folder / "keys", folder / "root-keys", lambda: PASSPHRASE), lambda: NOW)


Act = Callable[[Publisher], object]


@dataclass
class PublishCase:
    """One operation on a repository of `mood` and `topics`."""

    name: str
    scratch: Path
    first: Path
    act: Act
    base: str = BASE
    again: Act | None = None  # what completes it when it is done already
    keys_stay: bool = True
    known: Path | None = None  # what a device knew before
    old: View | None = None
    read: Mapping[Path, bytes] | None = None
    new: View | None = None

    def view(self, folder: Path, store: Path) -> tuple[View, Mapping[Path, bytes]]:
        """What a device finds, all packs compared, and the files that it read, by their place in the repository."""
        site, packs, reader = folder / "site", store / "packs", FolderReader()
        packs.mkdir(parents=True, exist_ok=True)
        root = (folder / "keys" / "root.json").read_bytes()
        client = Updater(str(store), f"{site}/metadata", str(packs), f"{site}/packs", reader, bootstrap=root)
        view: dict[str, str | None] = {}
        for task in TASKS:
            target = client.get_targetinfo(target_path(self.base, task))
            view[task] = target.hashes["sha256"] if target else None
            if target:
                client.download_target(target)
        return view, {path.relative_to(site): data for path, data in reader.read.items()}

    def observe(self) -> "PublishCase":
        """Find what readers see before and after."""
        shutil.rmtree(self.scratch, ignore_errors=True)
        self.known = self.scratch / "known"
        self.old, self.read = self.view(self.first, self.known)
        done = shutil.copytree(self.first, self.scratch / "done")
        with small():
            self.act(open_publisher(done))
        self.new, _ = self.view(done, self.scratch / "knowing-new")
        return self

    def prepare(self, folder: Path) -> None:
        shutil.copytree(self.first, folder, dirs_exist_ok=True)

    def start(self, folder: Path) -> Operation:
        return Publishing(self, folder)

    def judge(self, folder: Path) -> Verdict:
        torn = stuck = ""
        found: View | None = None
        try:
            found = self.seen(folder)
        except Exception as error:
            torn = f"{type(error).__name__}: {error}"
        try:
            self.go_on(folder, found)
        except Exception as error:
            stuck = f"{type(error).__name__}: {error}"
        return Verdict(torn, stuck=stuck)

    def seen(self, folder: Path) -> View:
        """What a new device, one that knew the old state and one that is in the middle of it find; all agree."""
        assert self.known is not None and self.read is not None
        views = [self.view(folder, folder / "new-device")[0]]
        views.append(self.view(folder, shutil.copytree(self.known, folder / "old-device"))[0])
        assert views[0] == views[1], "devices disagree"
        assert views[0] in (self.old, self.new), f"{views[0]} is neither {self.old} nor {self.new}"
        for path, data in self.read.items():
            assert path.name == "timestamp.json" or (folder / "site" / path).read_bytes() == data, (
                f"{path} was lost to a reader"
            )
        return views[0]

    def go_on(self, folder: Path, found: View | None) -> None:
        """Run the command again, then another. Raises AssertionError and errors of the publisher."""
        with small():
            publisher = open_publisher(folder)
            (self.again if self.again and found == self.new else self.act)(publisher)
            devices = [folder / "device"]
            if self.keys_stay:  # a device that took what was shown and then lost with the power
                devices.append(shutil.copytree(self.scratch / "knowing-new", folder / "ahead"))
            last = candidate("mood", "last", self.base)
            for view in (self.new, dict(self.new or {}) | {"mood": last.sha256}):
                for device in devices:
                    assert self.view(folder, device)[0] == view, device.name
                publisher.add([last], force=True)  # its labels may be others than those of a real pack
        assert not list((folder / "site").rglob(".tmp-*"))


class InitCase(PublishCase):
    """The first keys and an empty repository."""

    def observe(self) -> "InitCase":
        self.first.mkdir()
        return self

    def seen(self, folder: Path) -> View:
        committed = (folder / "site" / "metadata" / "timestamp.json").exists()
        return self.view(folder, folder / "new-device")[0] if committed else {}

    def go_on(self, folder: Path, found: View | None) -> None:
        publisher = open_publisher(folder)
        if not found:
            self.act(publisher)
        publisher.add([candidate("mood")])
        assert self.view(folder, folder / "device")[0]["mood"] == candidate("mood").sha256
        assert len(list((folder / "keys").glob("*-*.pem"))) == len(list((folder / "root-keys").glob("*.pem"))) == 3


class Publishing:
    """The operation, in a process of its own."""

    expected: tuple[type[Exception], ...] = (BitfitError, OSError)

    def __init__(self, case: PublishCase, folder: Path) -> None:
        self._act, self._publisher = case.act, open_publisher(folder)

    def run(self) -> None:
        with small():
            self._act(self._publisher)

    def go_on(self) -> None:
        """A command ends with its error; `judge` runs it again."""


def small() -> "mock._patch_dict":
    return mock.patch.dict(vars(catalogue), SMALL)


def publish_cases(folder: Path) -> list[PublishCase]:
    """Everything that writes to a repository."""
    first = folder / "first"
    publisher = open_publisher(first)
    publisher.initialize()
    publisher.add([candidate("mood"), candidate("topics")])

    def rotate_root(publisher: Publisher) -> None:
        publisher.rotate_key("root", publisher.state().root.roles["root"].keyids[0])

    def nothing(publisher: Publisher) -> None:
        pass

    empty = folder / "empty"
    open_publisher(empty).initialize()
    acts: list[tuple[str, Path, Act, Act | None]] = [
        ("first add", empty, lambda publisher: publisher.add([candidate("mood")]), None),
        ("add", first, lambda publisher: publisher.add([candidate("mood", "second"), candidate("intents")]), None),
        ("add, to hash bins", first, lambda publisher: publisher.add([candidate(f"task-{i}") for i in range(4)]), None),
        ("withdraw", first, lambda publisher: publisher.withdraw(["topics"], BASE), nothing),
        ("refresh", first, lambda publisher: publisher.refresh(targets=True, root=True), None),
        ("rotate-key timestamp", first, lambda publisher: publisher.rotate_key("timestamp"), None),
        ("rotate-key snapshot", first, lambda publisher: publisher.rotate_key("snapshot"), None),
        ("rotate-key targets", first, lambda publisher: publisher.rotate_key("targets"), None),
        ("rotate-key root", first, rotate_root, None),
    ]
    init = InitCase("publish init", folder / "none-scratch", folder / "none", lambda publisher: publisher.initialize())
    cases = [
        PublishCase(f"publish {name}", folder / name, start, act, again=again, keys_stay="rotate" not in name)
        for name, start, act, again in acts
    ]
    return [init.observe(), *(case.observe() for case in cases)]
