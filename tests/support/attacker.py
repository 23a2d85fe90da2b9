"""Attacker between devices and the publisher: replays what was signed before, and signs with stolen keys."""

import copy
from collections.abc import Callable
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, MetaFile, Root, Signed, Snapshot, Targets, Timestamp
from tuf.api.serialization.json import JSONSerializer

from support.signed_folder import Server

CHAIN = (Targets.type, Snapshot.type, Timestamp.type)
ENDLESS = b"0" * (64 << 10)

Answer = Callable[[SimpleHTTPRequestHandler], None]
Change = Callable[[Any], object]


class Attacker:
    """Answers instead of a repository's server where `answers`, by path in the repository, says so.

    `keys` are the stolen ones, by role; for other roles it signs with its `own`. `used` are the paths of the
    answers that a device asked for.
    """

    def __init__(self, site: Path, server: Server, keys: dict[str, CryptoSigner]) -> None:
        self.site = site
        self.answers: dict[str, bytes | Answer] = {}
        self.used: set[str] = set()
        self.keys = keys
        self.own = CryptoSigner.generate_ed25519()
        self._roles: dict[str, Signed] = {role: newest(site, role) for role in (Root.type, *CHAIN)}
        server.interfere = self._answer

    def replay(self, old: Path) -> None:
        """Show the repository as it was when `old` was copied, with nothing that is newer."""
        self.answers |= dict.fromkeys(_files(self.site), missing) | _files(old)

    def publish(self, **changes: Change) -> None:
        """Sign changed versions of roles, and of the roles that refer to them."""
        first = min(CHAIN.index(role) for role in changes)
        for place, role in enumerate(CHAIN[first:], first):
            signed = self._roles[role]
            signed.version += 1
            if place > first:
                self._refer(signed)
            if role in changes:
                changes[role](signed)
            self.sign(role)

    def sign_root(self, change: Change, *more: CryptoSigner) -> None:
        """Sign a changed next version of the root, once more by each of `more`."""
        root = self._roles[Root.type] = copy.deepcopy(self._roles[Root.type])
        root.version += 1
        change(root)
        self.sign(Root.type, *more)

    def sign(self, role: str, *more: CryptoSigner) -> str:
        """Sign a role as it is, serve it, and return its path."""
        signed = self._roles[role]
        name = f"{role}.json" if role == Timestamp.type else f"{signed.version}.{role}.json"
        self.answers[f"metadata/{name}"] = signed_by(signed, self.keys.get(role, self.own), *more)
        return f"metadata/{name}"

    def forge(self, role: str, change: Change) -> str:
        """Serve a changed version of a role under the name of the newest, and return its path."""
        self._roles[role] = newest(self.site, role)
        change(self._roles[role])
        return self.sign(role)

    def _refer(self, signed: Signed) -> None:
        if isinstance(signed, Snapshot):
            signed.meta["targets.json"] = MetaFile(self._roles[Targets.type].version)
        if isinstance(signed, Timestamp):
            signed.snapshot_meta = MetaFile(self._roles[Snapshot.type].version)

    def _answer(self, handler: SimpleHTTPRequestHandler) -> bool:
        path = handler.path.removeprefix("/")
        if path not in self.answers:
            return False
        self.used.add(path)
        answer = self.answers[path]
        answer(handler) if callable(answer) else body(handler, answer)
        return True


def sets(**values: object) -> Change:
    """A change of metadata: attributes by name."""

    def change(signed: Signed) -> None:
        for name, value in values.items():
            setattr(signed, name, value)

    return change


def newest(site: Path, role: str) -> Signed:
    """The newest version of a role in a repository's folder."""
    pattern = f"{role}.json" if role == Timestamp.type else f"*.{role}.json"
    return max((Metadata.from_file(str(path)).signed for path in (site / "metadata").glob(pattern)), key=_version)


def signed_by(signed: Signed, *signers: CryptoSigner) -> bytes:
    """Metadata as they are published."""
    metadata = Metadata(signed)
    for signer in signers:
        metadata.sign(signer, append=True)
    return metadata.to_bytes(JSONSerializer(compact=True))


def body(handler: SimpleHTTPRequestHandler, data: bytes) -> None:
    """Answer with a file."""
    begin(handler, len(data))
    handler.wfile.write(data)


def begin(handler: SimpleHTTPRequestHandler, length: int | None) -> None:
    """Begin an answer of so many bytes; None does not say how many."""
    handler.send_response(200)
    if length is None:
        handler.send_header("Connection", "close")
    else:
        handler.send_header("Content-Length", str(length))
    handler.end_headers()


def missing(handler: SimpleHTTPRequestHandler) -> None:
    """Answer that there is no such file."""
    handler.send_error(404)


def endless(handler: SimpleHTTPRequestHandler) -> None:
    """Answer with a file that has no end; the server ends the thread when the device hangs up."""
    begin(handler, None)
    while True:
        handler.wfile.write(ENDLESS)


def announces_terabytes(handler: SimpleHTTPRequestHandler) -> None:
    """Answer with a file that has no end, and a length that is one."""
    begin(handler, 1 << 40)
    while True:
        handler.wfile.write(b"{" * len(ENDLESS))


def _files(site: Path) -> dict[str, bytes]:
    return {path.relative_to(site).as_posix(): path.read_bytes() for path in site.rglob("*.*") if path.is_file()}


def _version(signed: Signed) -> int:
    return signed.version
