"""What is fuzzed: functions that take any bytes, say whether they were accepted, and fail where a promise is broken.

Everywhere: nothing but a BitfitError escapes, its message is one short line that is fit to print, and what is accepted
is valid. Used by `test_fuzz.py` and, for many more inputs, by `run.py`.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import TypeVar

import numpy as np
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, TargetFile
from tuf.ngclient._internal.trusted_metadata_set import TrustedMetadataSet
from tuf.ngclient.config import EnvelopeType

from bitfit_runtime.contract import LIMITS
from bitfit_runtime.errors import LONGEST_MESSAGE, BitfitError
from bitfit_runtime.manifest import parse_manifest
from bitfit_runtime.pack import Pack
from bitfit_runtime.pack_file import parse, serialize
from bitfit_runtime.updates.contract import UPDATE_LIMITS, Release
from fuzz.mutations import Mutation, mutate_bytes, mutate_json, mutate_pack
from fuzz.subjects import BASE, DEFAULTS, descriptions, manifests, packs, repository, target_file

T = TypeVar("T")
EARLIER = {"root": (), "timestamp": (), "snapshot": ("timestamp",), "targets": ("timestamp", "snapshot")}


@dataclass(frozen=True)
class Target:
    """`fuzz_one` checks an input and returns whether it was accepted, `seeds` are valid, `mutate` keeps structure."""

    fuzz_one: Callable[[bytes], bool]
    seeds: Callable[[], list[bytes]]
    mutate: Mutation


def accepted(read: Callable[[], T]) -> T | None:
    """Return what `read` accepts, or None where it refuses as it should."""
    try:
        return read()
    except BitfitError as error:
        message = str(error)
        assert message and message.isprintable() and len(message) <= LONGEST_MESSAGE, message
        return None


def fuzz_pack(data: bytes) -> bool:
    """A pack that is accepted is written as it was read, and fits its base or is refused."""
    pack = accepted(lambda: parse(data))
    if pack is None:
        return False
    assert same_pack(parse(serialize(pack)), pack)
    values = accepted(lambda: pack.decode(BASE, DEFAULTS))
    if values is None:
        return False
    specs = [spec for spec in BASE.biases if spec.term in pack.info.terms]
    shapes: dict[str, tuple[int, ...]] = {spec.name: (spec.size,) for spec in specs}
    if pack.has_head:
        labels = len(pack.info.labels)
        shapes |= {"head.weight": (BASE.hidden_size, labels), "head.bias": (labels,)}
    assert {name: value.shape for name, value in values.items()} == shapes
    assert all(value.dtype == np.float32 and np.isfinite(value).all() for value in values.values())
    assert pack.info.base == BASE.digest and set(pack.info.terms) <= {spec.term for spec in BASE.biases}
    return True


def same_pack(one: Pack, other: Pack) -> bool:
    """Whether two packs are equal to the bit."""
    parts: list[object] = []
    for pack in (one, other):
        tensors = dict(pack.tensors) | ({"canary": pack.canary.expected} if pack.canary else {})
        bits = {name: (tensor.dtype, tensor.shape, tensor.tobytes()) for name, tensor in tensors.items()}
        parts.append((pack.info, bits, pack.canary and (pack.canary.texts, pack.canary.kernels)))
    return parts[0] == parts[1]


def fuzz_manifest(data: bytes) -> bool:
    """A manifest that is accepted is written as it was read."""
    manifest = accepted(lambda: parse_manifest(data.decode("utf-8", "replace")))
    if manifest is not None:
        assert parse_manifest(manifest.to_json()) == manifest
        assert manifest.digest.startswith("sha256:") and manifest.bias_parameters >= len(manifest.biases)
    return manifest is not None


def fuzz_release(data: bytes) -> bool:
    """A release that is accepted is what was asked for, within all limits, and describes itself as it was described."""
    try:
        document = json.loads(data)
        base, task = str(document["base"]), str(document["task"])
        target = TargetFile.from_dict(document["target"], "any")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return False  # python-tuf refuses it before the device sees it

    def read(custom: object) -> Release:
        return Release.from_target(base, task, target.length, target.hashes, custom)

    found = accepted(lambda: read(target.custom))
    if found is not None:
        assert read(found.to_custom()) == found and (found.base, found.task, found.size) == (base, task, target.length)
        assert 1 <= found.number <= UPDATE_LIMITS.release and 0 <= found.labels <= LIMITS.labels
        folder, name = found.path.split("/")
        assert folder.isalnum() and name.isascii() and name == name.lower() and not name.startswith(".")
    return found is not None


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


TARGETS: Mapping[str, Target] = {
    "pack": Target(fuzz_pack, packs, mutate_pack),
    "manifest": Target(fuzz_manifest, manifests, mutate_json),
    "release": Target(fuzz_release, descriptions, mutate_json),
    "signed-pack": Target(fuzz_signed_pack, lambda: packs()[:1], mutate_bytes),
} | {
    f"signed-{role}": Target(partial(fuzz_signed, role), partial(signed_metadata, role), mutate_json)
    for role in EARLIER
}
