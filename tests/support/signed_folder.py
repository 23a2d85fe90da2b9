"""A folder published with The Update Framework's own classes, and a loopback server that counts and interferes."""

import contextlib
import hashlib
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, MetaFile, Root, Signed, Snapshot, TargetFile, Targets, Timestamp
from tuf.api.serialization.json import JSONSerializer

from bitfit_runtime import Pack
from bitfit_runtime.formats import serialize
from bitfit_runtime.updates.schema import BASES_FIELD, PACKS_FOLDER, WITHDRAWN_FIELD, Release, base_folder
from support.loopback import running

ROLES = (Root.type, Targets.type, Snapshot.type, Timestamp.type)
DAY = timedelta(days=1)


class SignedFolder:
    """Everything that a publisher holds: keys, metadata and packs. `publish` commits what the attributes say."""

    def __init__(self, folder: Path, base: str, now: datetime | None = None) -> None:
        self.folder, self.base = folder, base
        self.expires = (now or datetime.now(UTC)).replace(microsecond=0) + 7 * DAY
        self.keys = {role: CryptoSigner.generate_ed25519() for role in ROLES}
        self.root = Root(expires=self.expires + 365 * DAY, consistent_snapshot=True)
        self.targets, self.snapshot, self.timestamp = Targets(), Snapshot(), Timestamp()
        self.targets.unrecognized_fields[BASES_FIELD] = {base_folder(base): base}
        self.targets.version = self.snapshot.version = self.timestamp.version = 0
        for role in ROLES:
            self.root.add_key(self.keys[role].public_key, role)
        self.first_root = self.sign_root()

    def sign_root(self, *others: CryptoSigner) -> bytes:
        """Write the root, signed by its key and by `others`."""
        return self._write(self.root, f"{self.root.version}.root.json", self.keys[Root.type], *others)

    def replace_key(self, role: str) -> CryptoSigner:
        """Give a role another key in a new version of the root, and return the key that is revoked."""
        old, self.keys[role] = self.keys[role], CryptoSigner.generate_ed25519()
        self.root.revoke_key(old.public_key.keyid, role)
        self.root.add_key(self.keys[role].public_key, role)
        self.root.version += 1
        self.sign_root(*([old] if role == Root.type else []))
        return old

    def publish(
        self, packs: Mapping[str, tuple[int, Pack | bytes]], withdrawn: Mapping[str, int] | None = None
    ) -> None:
        """Commit new versions in which `packs`, (release, pack) by task, are new and `withdrawn` are gone."""
        for task, (number, pack) in packs.items():
            data = pack if isinstance(pack, bytes) else serialize(pack)
            digest = hashlib.sha256(data).hexdigest()
            release = Release(self.base, task, number, len(data), digest, 2, {"accuracy": 0.5})
            target = TargetFile(len(data), {"sha256": digest}, release.path, {"custom": release.to_custom()})
            self.targets.targets[release.path] = target
            path = self.folder / PACKS_FOLDER / base_folder(self.base) / f"{digest}.{task}.safetensors"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        for task, last in (withdrawn or {}).items():
            path_in_repository = f"{base_folder(self.base)}/{task}.safetensors"
            self.targets.targets.pop(path_in_repository, None)
            self.targets.unrecognized_fields.setdefault(WITHDRAWN_FIELD, {})[path_in_repository] = last
        self.commit()

    def commit(self) -> None:
        """Sign and write new versions of targets, snapshot and timestamp."""
        for signed in (self.targets, self.snapshot, self.timestamp):
            signed.version += 1
            signed.expires = self.expires
        self.snapshot.meta["targets.json"] = MetaFile(self.targets.version)
        self.timestamp.snapshot_meta = MetaFile(self.snapshot.version)
        self._write(self.targets, f"{self.targets.version}.targets.json", self.keys[Targets.type])
        self._write(self.snapshot, f"{self.snapshot.version}.snapshot.json", self.keys[Snapshot.type])
        self._write(self.timestamp, "timestamp.json", self.keys[Timestamp.type])

    def _write(self, signed: Signed, name: str, *signers: CryptoSigner) -> bytes:
        metadata = Metadata(signed)
        for signer in signers:
            metadata.sign(signer, append=True)
        path = self.folder / "metadata" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        data = metadata.to_bytes(JSONSerializer(compact=True))
        path.write_bytes(data)
        return data


class Server(ThreadingHTTPServer):
    """Serves a folder. `interfere` may answer a request itself and return True; `seen` are the paths asked for."""

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), partial(_Handler, directory=str(folder)))
        self.seen: list[str] = []
        self.interfere: Callable[[SimpleHTTPRequestHandler], bool] = lambda handler: False

    @property
    def url(self) -> str:
        """Where it serves."""
        return f"http://127.0.0.1:{self.server_port}/"


class _Handler(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # a body follows its headers at once, not 40 ms later
    server: Server

    def do_GET(self) -> None:
        self.server.seen.append(self.path)
        with contextlib.suppress(ConnectionError):
            if not self.server.interfere(self):
                super().do_GET()

    def log_message(self, *arguments: object) -> None:
        pass


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[Server]:
    """Serve a folder on loopback."""
    with running(Server(folder)) as server:
        yield server
