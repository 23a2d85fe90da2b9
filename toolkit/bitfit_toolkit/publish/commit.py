"""Commit of a publication: new files first, then the timestamp that names them; old files are removed in time.

Until `timestamp.json` is replaced a reader sees the old state, from then on the new one. What an interrupted
publication left behind is overwritten, or removed by a later one.
"""

import contextlib
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from securesystemslib.signer import Signer
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, T, Targets, Timestamp
from tuf.api.serialization.json import JSONSerializer

from bitfit_runtime.files import TEMPORARY_PREFIX, make_folder, place_file, sync_folder, write_file
from bitfit_runtime.updates.schema import UPDATE_LIMITS, count_values
from bitfit_toolkit.errors import PublishError
from bitfit_toolkit.publish.keys import KeyRing
from bitfit_toolkit.publish.repository import Layout, State
from bitfit_toolkit.publish.settings import Lifetimes

MAX_BYTES: Final = {
    Root.type: UPDATE_LIMITS.root_bytes,
    Snapshot.type: UPDATE_LIMITS.snapshot_bytes,
    Timestamp.type: UPDATE_LIMITS.timestamp_bytes,
}
Signers = Callable[[str], Sequence[Signer]]
KEPT_FOR: Final = timedelta(days=2)
OURS: Final = re.compile(r"\d+\.(?!root\.)[a-z0-9-]+\.json|[0-9a-f]{64}\..+\.safetensors")


def role_signers(keys: KeyRing, root: Root) -> Signers:
    """Return a function from a role to the signers that `root` names for it; bins are signed as targets are."""

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

    def prepare(
        self,
        state: State,
        signers: Signers,
        targets: Mapping[str, Targets] | None = None,
        packs: Mapping[Path, bytes] | None = None,
        snapshot: bool = False,
    ) -> dict[Path, bytes]:
        """Sign new versions of the roles in `targets`, a snapshot if there are any or if `snapshot`, and a timestamp.

        Returns every file of the publication, `packs` included. Raises PublishError or one of its subclasses, OSError.
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
        return files

    def publish(self, files: Mapping[Path, bytes]) -> None:
        """Write what was prepared, the timestamp last. Raises OSError; then readers still see the old state."""
        timestamp = self.layout.timestamp
        self._write({path: data for path, data in files.items() if path != timestamp})
        write_file(timestamp, files[timestamp])

    def sign(self, role: str, signed: T, signers: Sequence[Signer]) -> bytes:
        """Set the expiry of metadata and return them signed. Raises PublishError when too large for devices."""
        signed.expires = (self.now + self.lifetimes.of(role)).replace(microsecond=0)
        metadata = Metadata(signed)
        for signer in signers:
            metadata.sign(signer, append=True)
        data = metadata.to_bytes(JSONSerializer(compact=True))
        limit = MAX_BYTES.get(role, UPDATE_LIMITS.targets_bytes)
        if len(data) > limit:
            raise PublishError(
                f"{role} metadata would have {len(data)} bytes, devices accept at most {limit}; publish fewer tasks, "
                "or packs with fewer metrics"
            )
        if (values := count_values(data)) > UPDATE_LIMITS.metadata_values:
            raise PublishError(
                f"{role} metadata would hold {values} values, devices accept at most {UPDATE_LIMITS.metadata_values}; "
                "publish fewer tasks, or packs with fewer metrics"
            )
        return data

    def _write(self, files: Mapping[Path, bytes]) -> None:
        """Write all files, synchronizing each folder once: a first publication may have a thousand packs."""
        folders = {path.parent for path in files}
        for folder in (self.layout.metadata, self.layout.packs, *folders):
            make_folder(folder)
        for path, data in files.items():
            place_file(path, data)
        for folder in folders:
            sync_folder(folder)


def remove_unused(layout: Layout, former: State, newest: State, now: datetime) -> None:
    """Remove files to which neither state refers and that were replaced before `KEPT_FOR`. Never fails.

    A slow reader that began on an older state can finish. When a file was replaced is its time of modification, which
    is set here to `now`. What cannot be removed, such as a file that a web server is reading on Windows, is tried again
    next time.
    """
    current, before = (set(state.files(layout)) for state in (newest, former))
    for path in before - current:
        with contextlib.suppress(OSError):
            os.utime(path, (now.timestamp(), now.timestamp()))
    oldest = (now - KEPT_FOR).timestamp()
    for path in [*layout.metadata.glob("*"), *layout.packs.glob("*/*")]:
        if path in current or path in before:
            continue
        with contextlib.suppress(OSError):
            replaced = OURS.fullmatch(path.name) and path.stat().st_mtime <= oldest
            if replaced or path.name.startswith(TEMPORARY_PREFIX):
                path.unlink()
