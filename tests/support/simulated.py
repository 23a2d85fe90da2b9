"""A repository of which everything can be said wrongly, and a client that is driven as the conformance suite does."""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import (
    DelegatedRole,
    Delegations,
    Metadata,
    MetaFile,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)

from support.attacker import body
from support.conformance_client import main
from support.signed_folder import Server, serving

TOP = (Root.type, Timestamp.type, Snapshot.type, Targets.type)
SHA256 = ("sha256",)
DAY = timedelta(days=1)
NOW = datetime.now(UTC).replace(microsecond=0)


class Repository:
    """Roles by name and who signs them; nothing is in the folder but what `write` or `publish` put there.

    With `hashes`, snapshot and timestamp give lengths and hashes of what they list.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.hashes = folder, False
        self.expires = NOW + 30 * DAY
        self.signers = {role: [CryptoSigner.generate_ed25519()] for role in TOP}
        self.roles: dict[str, Any] = {
            Root.type: Root(expires=self.expires, consistent_snapshot=True),
            Timestamp.type: Timestamp(expires=self.expires),
            Snapshot.type: Snapshot(expires=self.expires),
            Targets.type: Targets(expires=self.expires),
        }
        for role, [signer] in self.signers.items():
            self.root.add_key(signer.public_key, role)
        for role in reversed(TOP):
            self.write(role)

    @property
    def root(self) -> Root:
        return self.roles[Root.type]

    @property
    def snapshot(self) -> Snapshot:
        return self.roles[Snapshot.type]

    @property
    def timestamp(self) -> Timestamp:
        return self.roles[Timestamp.type]

    def targets(self, role: str = Targets.type) -> Targets:
        return self.roles[role]

    def publish(self, *roles: str) -> None:
        """Write new versions of roles, then of snapshot and timestamp, which name them."""
        for role in (*roles, Snapshot.type, Timestamp.type):
            if role == Snapshot.type:
                self.snapshot.meta |= {f"{name}.json": self.listed(name) for name in self.roles if name not in TOP[:3]}
            if role == Timestamp.type:
                self.timestamp.snapshot_meta = self.listed(Snapshot.type)
            self.roles[role].version += 1
            self.write(role)

    def publish_root(self) -> None:
        """Write a new version of the root."""
        self.root.version += 1
        self.write(Root.type)

    def write(self, role: str) -> bytes:
        """Sign a role as it is, and write it under its name."""
        metadata = Metadata(self.roles[role])
        for signer in self.signers[role]:
            metadata.sign(signer, append=True)
        return self.write_bytes(role, metadata.to_bytes())

    def write_bytes(self, role: str, data: bytes) -> bytes:
        """Write anything under the name of a role's newest version."""
        path = self.path(role)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return data

    def path(self, role: str) -> Path:
        """Where a role's newest version is."""
        versioned = role != Timestamp.type and (role == Root.type or self.root.consistent_snapshot)
        name = f"{self.roles[role].version}." if versioned else ""
        return self.folder / "metadata" / f"{name}{quote(role, safe='')}.json"

    def listed(self, role: str) -> MetaFile:
        """What snapshot or timestamp say of a role."""
        version = self.roles[role].version
        if not self.hashes:
            return MetaFile(version)
        data = self.path(role).read_bytes()
        return MetaFile(version, len(data), {"sha256": hashlib.sha256(data).hexdigest()})

    def replace_keys(self, role: str, count: int = 1, threshold: int = 1) -> list[CryptoSigner]:
        """Let the root name other keys for a role; they sign it from now on. Returns those that signed before."""
        before = self.signers[role]
        for keyid in list(self.root.roles[role].keyids):
            self.root.revoke_key(keyid, role)
        self.signers[role] = [CryptoSigner.generate_ed25519() for _ in range(count)]
        for signer in self.signers[role]:
            self.root.add_key(signer.public_key, role)
        self.root.roles[role].threshold = threshold
        return before

    def delegate(self, delegator: str, role: str, paths: Sequence[str] = ("*",), terminating: bool = False) -> None:
        """Let a role delegate paths to another, which may be there already."""
        if role not in self.roles:
            self.roles[role] = Targets(expires=self.expires)
            self.roles[role].version = 0
            self.signers[role] = [CryptoSigner.generate_ed25519()]
        [signer] = self.signers[role]
        targets = self.targets(delegator)
        if targets.delegations is None:
            targets.delegations = Delegations({}, {})
        key = signer.public_key
        assert targets.delegations.roles is not None
        targets.delegations.keys[key.keyid] = key
        targets.delegations.roles[role] = DelegatedRole(role, [key.keyid], 1, terminating, list(paths))

    def add_file(
        self, path: str, data: bytes, role: str = Targets.type, algorithms: Sequence[str] = ("sha256",)
    ) -> Path:
        """List a file in a role and write it; returns where it was written."""
        target = TargetFile.from_data(path, data, list(algorithms))
        self.targets(role).targets[path] = target
        parent, _, name = path.rpartition("/")
        prefix = f"{target.hashes[min(target.hashes)]}." if self.root.consistent_snapshot else ""
        place = self.folder / "files" / parent / f"{prefix}{name}"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
        return place


class SuiteClient:
    """Runs the commands on a folder of its own; `now` is the client's clock. They return the exit status."""

    def __init__(self, folder: Path, site: Path, server: Server, files: str = "files") -> None:
        """`site` is the repository's folder, `files` where files are in it."""
        self.metadata, self.files, self.now = folder / "metadata", folder / "downloads", NOW
        self.url = server.url
        self._server, self._remote = server, f"{server.url}{files}"

        def as_asked(handler: SimpleHTTPRequestHandler) -> bool:
            """Answer with the file of the very name, which may be quoted."""
            path = site / handler.path.removeprefix("/")
            if path.is_file():
                body(handler, path.read_bytes())
            return path.is_file()

        server.interfere = as_asked
        for path in (self.metadata, self.files):
            path.mkdir(parents=True)
        self.init((site / "metadata" / "1.root.json").read_bytes())

    def init(self, root: bytes) -> int:
        path = self.metadata.parent / "first.json"
        path.write_bytes(root)
        return self._run("init", str(path))

    def refresh(self) -> int:
        return self._run("--metadata-url", f"{self.url}metadata/", "refresh")

    def download(self, *names: str) -> int:
        urls = ("--metadata-url", f"{self.url}metadata", "--target-base-url", self._remote)
        named = (part for name in names for part in ("--target-name", name))
        return self._run(*urls, *named, "--target-dir", str(self.files), "download")

    def version(self, role: str) -> int:
        """The version of a role that the client trusts; 0 for none."""
        path = self.metadata / f"{quote(role, safe='')}.json"
        return Metadata.from_file(str(path)).signed.version if path.exists() else 0

    def versions(self) -> list[int]:
        """The versions of root, timestamp, snapshot and targets that the client trusts."""
        return [self.version(role) for role in TOP]

    def downloaded(self) -> list[bytes]:
        return sorted(path.read_bytes() for path in self.files.iterdir())

    def asked(self) -> list[str]:
        """Names of the files that were asked for since the last time."""
        paths = [path.rpartition("/")[2] for path in self._server.seen]
        self._server.seen.clear()
        return paths

    def _run(self, *arguments: str) -> int:
        return main(["--metadata-dir", str(self.metadata), *arguments], lambda: self.now)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "site")


@pytest.fixture
def client(repository: Repository, tmp_path: Path) -> Iterator[SuiteClient]:
    """A client that was given the first root and has fetched nothing."""
    with serving(repository.folder) as server:
        yield SuiteClient(tmp_path / "client", repository.folder, server)
