"""What a device takes from signed metadata, altered after it was signed or before."""

import json
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Root, Targets
from tuf.ngclient._internal.trusted_metadata_set import TrustedMetadataSet
from tuf.ngclient.config import EnvelopeType

from bitfit_runtime.formats import LIMITS
from bitfit_runtime.updates.client import TrustedClient
from bitfit_runtime.updates.fetcher import Fetcher, NetworkOptions
from bitfit_runtime.updates.schema import UPDATE_LIMITS
from bitfit_runtime.updates.version_floor import VersionFloor, parse_version_floor
from security.fuzz.formats import accepted
from security.fuzz.subjects import NOW, packs, repository, target_file

EARLIER = {"root": (), "timestamp": (), "snapshot": ("timestamp",), "targets": ("timestamp", "snapshot")}
NOWHERE = "http://127.0.0.1:9/"  # nobody serves there, and nothing that is listed is anywhere else


@cache
def trusted(role: str) -> TrustedMetadataSet:
    """What a device trusts just before it is handed metadata of `role`."""
    files = repository()
    found = TrustedMetadataSet(files["root"], EnvelopeType.METADATA)
    for earlier in EARLIER[role]:
        getattr(found, f"update_{earlier}")(files[earlier])
    return found


def signed_metadata(role: str) -> list[bytes]:
    """What a device would accept as metadata of `role`."""
    return [repository()["next root" if role == "root" else role]]


def fuzz_signed(role: str, data: bytes) -> bool:
    """Altered metadata are refused, or say the same as what was signed."""
    signed = signed_metadata(role)[0]
    try:
        getattr(trusted(role), f"update_{role}")(data)
    except RepositoryError:  # a refusal leaves the trusted set as it was
        assert data != signed
        return False
    trusted.cache_clear()
    assert Metadata.from_bytes(data).signed == Metadata.from_bytes(signed).signed
    return True


def fuzz_signed_pack(data: bytes) -> bool:
    """Another pack than the one that was signed is refused."""
    try:
        target_file().verify_length_and_hashes(data)
    except RepositoryError:
        assert data != packs()[0]
        return False
    assert data == packs()[0]
    return True


@cache
def device() -> tuple[TrustedClient, TemporaryDirectory[str]]:
    """A device that took everything but the targets, and the folder of its metadata, which goes with the process."""
    folder, files = TemporaryDirectory(), repository()
    fetcher = Fetcher(NetworkOptions(proxy="", attempts=1))
    client = TrustedClient(Path(folder.name), NOWHERE, files["root"], fetcher, NOW)
    client._trusted_set.update_timestamp(files["timestamp"])
    client._trusted_set.update_snapshot(files["snapshot"])
    return client, folder


def fuzz_listing(data: bytes) -> bool:
    """Targets that were signed as they are: what is found is what was asked for, within all limits, or is refused."""
    try:
        document = json.loads(data)
        base, task = str(document["base"]), str(document["task"])
        targets = Targets.from_dict(document["targets"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return False  # The Update Framework's client refuses it before ours sees it
    client = device()[0]
    client._trusted_set._add(Targets.type, targets, Root.type)
    found = accepted(lambda: client.find(base, task))
    if found is None:
        return False
    release, lowest = found.release, found.lowest
    assert 1 <= lowest <= UPDATE_LIMITS.release + 1
    if release is None:
        return False
    assert (release.base, release.task) == (base, task) and 1 <= release.number <= lowest
    assert 1 <= release.size <= UPDATE_LIMITS.pack_bytes and 0 <= release.label_count <= LIMITS.labels
    assert release.from_target(base, task, release.size, {"sha256": release.sha256}, release.to_custom()) == release
    folder, name = release.path.split("/")
    assert folder.isalnum() and name.isascii() and name == name.lower() and not name.startswith(".")
    floor = VersionFloor().raised(client.root_version, {release.path: lowest})
    assert parse_version_floor(floor.to_json(), "floor.json") == floor
    return True
