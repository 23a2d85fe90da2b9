"""What is read from files of the base, of a pack and of a device's store."""

from collections.abc import Callable
from typing import TypeVar

import numpy as np

from bitfit_runtime.errors import LONGEST_MESSAGE, BitfitError
from bitfit_runtime.formats import Pack, parse_pack, serialize
from bitfit_runtime.formats.manifest import parse_manifest
from bitfit_runtime.updates.slots import parse_slots
from bitfit_runtime.updates.version_floor import VersionFloor, parse_version_floor
from security.fuzz.subjects import BASE, DEFAULTS, STORED

T = TypeVar("T")


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
    pack = accepted(lambda: parse_pack(data))
    if pack is None:
        return False
    assert same_pack(parse_pack(serialize(pack)), pack)
    values = accepted(lambda: pack.decode(BASE, DEFAULTS))
    if values is None:
        return False
    told = pack.info.decisions is not None and pack.info.decisions.outliers is not None
    centres = accepted(lambda: pack.centres(BASE.hidden_size))
    if told and centres is None:
        return False
    assert (centres is None) != told and (centres is None or np.isfinite(centres).all())
    specs = [spec for spec in BASE.biases if spec.term in pack.info.terms]
    shapes: dict[str, tuple[int, ...]] = {spec.name: (spec.size,) for spec in specs}
    if pack.has_head:
        labels = len(pack.info.labels)
        shapes |= {"head.weight": (BASE.hidden_size, labels), "head.bias": (labels,)}
    assert {name: value.shape for name, value in values.items()} == shapes
    assert all(value.dtype == np.float32 and np.isfinite(value).all() for value in values.values())
    if pack.transitions is not None:
        assert pack.transitions.shape == (len(pack.info.labels) + 1, len(pack.info.labels))
    assert pack.info.base == BASE.digest and set(pack.info.terms) <= {spec.term for spec in BASE.biases}
    return True


def same_pack(one: Pack, other: Pack) -> bool:
    """Whether two packs are equal to the bit."""
    parts: list[object] = []
    for pack in (one, other):
        tensors = dict(pack.tensors) | ({"canary": pack.canary.expected} if pack.canary else {})
        bits = {name: (tensor.dtype, tensor.shape, tensor.tobytes()) for name, tensor in tensors.items()}
        parts.append((pack.info, bits, pack.canary and (pack.canary.texts, pack.canary.kernel_fingerprint)))
    return parts[0] == parts[1]


def fuzz_manifest(data: bytes) -> bool:
    """A manifest that is accepted is written as it was read."""
    manifest = accepted(lambda: parse_manifest(data.decode("utf-8", "replace")))
    if manifest is not None:
        assert parse_manifest(manifest.to_json()) == manifest
        assert manifest.digest.startswith("sha256:") and manifest.bias_parameters >= len(manifest.biases)
    return manifest is not None


def fuzz_floor(data: bytes) -> bool:
    """A floor that is accepted is written as it was read, and what raises it lowers nothing."""
    floor = accepted(lambda: parse_version_floor(data, "floor.json"))
    if floor is None:
        return False
    assert parse_version_floor(floor.to_json(), "floor.json") == floor
    raised = floor.raised(1, {"a": 1})
    assert raised.root >= max(floor.root, 1) and raised.releases["a"] >= 1
    assert all(raised.releases[path] >= number for path, number in floor.releases.items())
    assert VersionFloor().raised(floor.root, floor.releases) == floor
    return True


def fuzz_slots(data: bytes) -> bool:
    """Slots that are accepted are written as they were read, and so is what becomes of them."""
    slots = accepted(lambda: parse_slots(data, "pointer.json"))
    if slots is None:
        return False
    staged = slots.stage(STORED)
    later = [slots, staged, staged.activate(), staged.activate().roll_back(), staged.reject(), slots.drop_damaged()]
    assert all(parse_slots(one.to_json(), "pointer.json") == one for one in later)
    assert all(one.newest >= STORED.number for one in later[1:5])
    assert all(stored.sha256.isalnum() for stored in slots.stored)
    return True
