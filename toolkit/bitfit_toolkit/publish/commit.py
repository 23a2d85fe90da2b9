"""A publication: files of new names first, then the timestamp that names them, then the clearing of what is past.

Until `timestamp.json` is replaced a reader sees the old state, from then on the new one. What an interrupted
publication left is overwritten or cleared by the next.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from securesystemslib.signer import Signer
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, T, Targets, Timestamp
from tuf.api.serialization.json import JSONSerializer

from bitfit_runtime.files import TEMPORARY_PREFIX, make_folder, place_file, sync_folder, write_file
from bitfit_toolkit.publish.keys import KeyRing
from bitfit_toolkit.publish.repository import Layout, State
from bitfit_toolkit.publish.settings import Lifetimes

Signers = Callable[[str], Sequence[Signer]]
OURS: Final = re.compile(r"\d+\.(?!root\.)[a-z0-9-]+\.json|[0-9a-f]{64}\..+\.safetensors")


def role_signers(keys: KeyRing, root: Root) -> Signers:
    """Return a function from role to the signers that `root` names for it; bins are signed as targets."""

    def signers(role: str) -> list[Signer]:
        named = role if role in root.roles else Targets.type
        return [keys.signer(named, root.keys[keyid]) for keyid in root.roles[named].keyids]

    return signers


@dataclass(frozen=True, slots=True)
class Committer:
    """Signs and writes the metadata of one repository."""

    layout: Layout
    lifetimes: Lifetimes
    now: datetime

    def commit(
        self,
        state: State,
        signers: Signers,
        targets: Mapping[str, Targets] | None = None,
        packs: Mapping[Path, bytes] | None = None,
        snapshot: bool = False,
    ) -> None:
        """Publish new versions of the roles in `targets`, with `packs`; `snapshot` makes a new one in any case.

        Raises SigningKeyError, OSError; then readers still see the old state.
        """
        files = dict(packs or {})
        versions = dict(state.versions)

        def stage(role: str, signed: T) -> None:
            versions[role] = signed.version = versions.get(role, 0) + 1
            files[self.layout.role(role, signed.version)] = self.sign(role, signed, signers(role))

        for role, signed in (targets or {}).items():
            stage(role, signed)
        if targets or snapshot:
            unlisted = (Root.type, Snapshot.type, Timestamp.type)
            meta = {f"{role}.json": MetaFile(version) for role, version in versions.items() if role not in unlisted}
            stage(Snapshot.type, Snapshot(meta=meta))
        stage(Timestamp.type, Timestamp(snapshot_meta=MetaFile(versions[Snapshot.type])))
        timestamp = files.pop(self.layout.timestamp)
        self._write(files)
        write_file(self.layout.timestamp, timestamp)

    def sign(self, role: str, signed: T, signers: Sequence[Signer]) -> bytes:
        """Set the expiry of metadata and return them signed."""
        signed.expires = (self.now + self.lifetimes.of(role)).replace(microsecond=0)
        metadata = Metadata(signed)
        for signer in signers:
            metadata.sign(signer, append=True)
        return metadata.to_bytes(JSONSerializer(compact=True))

    def _write(self, files: Mapping[Path, bytes]) -> None:
        """Write all files, and synchronize each folder once: a first publication may hold a thousand packs."""
        folders = {path.parent for path in files}
        for folder in (self.layout.metadata, self.layout.packs, *folders):
            make_folder(folder)
        for path, data in files.items():
            place_file(path, data)
        for folder in folders:
            sync_folder(folder)


def clear(layout: Layout, *kept: State) -> None:
    """Remove what none of the states refers to; a reader that began on the one before the newest can go on."""
    keep = {path for state in kept for path in state.files(layout)}
    for path in [*layout.metadata.glob("*"), *layout.packs.glob("*/*")]:
        if path not in keep and (OURS.fullmatch(path.name) or path.name.startswith(TEMPORARY_PREFIX)):
            path.unlink()
