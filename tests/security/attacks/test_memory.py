"""Whoever holds the keys of timestamp and snapshot, or none, makes a device allocate a bounded number of bytes."""

import tracemalloc
from collections.abc import Callable
from http.server import SimpleHTTPRequestHandler

import pytest
from tuf.api.metadata import MetaFile, Snapshot, Targets, Timestamp

from bitfit_runtime.errors import UnreachableError, UntrustedUpdateError, UpdateError
from bitfit_runtime.updates.fetcher import CHUNK_BYTES
from bitfit_runtime.updates.schema import UPDATE_LIMITS, count_values
from support.attacker import Attacker, announces_terabytes, endless, sets, signed_by
from support.victim import Victim

MOST_BYTES = 8 << 20
FAR = 1 << 40


def announce(attacker: Attacker, role: str, length: int) -> str:
    """Sign that a role's next version has so many bytes; return the path under which the device asks for it."""
    listed = MetaFile(1000, length, {"sha256": "0" * 64})
    if role == Snapshot.type:
        attacker.publish(timestamp=sets(snapshot_meta=listed))
    else:
        attacker.publish(snapshot=sets(meta={f"{role}.json": listed}))
    return f"metadata/1000.{role}.json"


@pytest.mark.parametrize("answer", [endless, announces_terabytes])
@pytest.mark.parametrize(
    ("role", "stolen", "limit"),
    [
        (Snapshot.type, (Timestamp.type,), UPDATE_LIMITS.snapshot_bytes),
        (Targets.type, (Timestamp.type, Snapshot.type), UPDATE_LIMITS.targets_bytes),
    ],
)
def test_a_signed_length_raises_no_limit(
    victim: Victim, role: str, stolen: tuple[str, ...], limit: int, answer: Callable[[SimpleHTTPRequestHandler], None]
) -> None:
    attacker = victim.attack(*stolen)
    path = announce(attacker, role, FAR)
    attacker.answers[path] = answer
    before = victim.updater.fetcher.received
    with pytest.raises(UntrustedUpdateError, match=f"more than the allowed {limit} bytes"):
        victim.updater.check()
    assert path in attacker.used
    assert victim.updater.fetcher.received - before <= limit + 2 * CHUNK_BYTES + UPDATE_LIMITS.snapshot_bytes
    victim.replace_keys(*stolen)


def test_a_signed_length_that_is_smaller_than_ours_holds(victim: Victim) -> None:
    attacker = victim.attack(Timestamp.type)
    attacker.answers[announce(attacker, Snapshot.type, 1000)] = endless
    with pytest.raises(UntrustedUpdateError, match="more than the allowed 1000 bytes"):
        victim.updater.check()
    victim.replace_keys(Timestamp.type)


def filled(unit: str, size: int, opening: str = "[", closing: str = "]") -> bytes:
    """A JSON value of about `size` bytes; `%` in the unit becomes a number."""
    units, length = [], 0
    while length < size:
        units.append(unit.replace("%", str(len(units))))
        length += len(units[-1]) + 1
    return f"{opening}{','.join(units[:-1])}{closing}".encode()


# What takes most memory for its bytes: shapes of the value of a field that a role may hold.
SHAPES = {
    "lists": ("[]",),
    "objects": ("{}",),
    "objects in lists": ('{"":[]}',),
    "numbers": ("999",),
    "names": ('"%":0', "{", "}"),
    "roles": ('"%.json":{"version":1}', "{", "}"),
    "text": ("", "", '"' + "\N{GRINNING FACE}" * 50_000 + '"'),
    "depth": ("", "", "[" * 900 + "]" * 900),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("role", [Timestamp.type, Snapshot.type, Targets.type])
def test_no_shape_of_metadata_takes_more_memory_than_is_allowed(victim: Victim, role: str, shape: str) -> None:
    attacker = victim.attack(Timestamp.type, Snapshot.type)
    limit = {
        Timestamp.type: UPDATE_LIMITS.timestamp_bytes,
        Snapshot.type: UPDATE_LIMITS.snapshot_bytes,
        Targets.type: UPDATE_LIMITS.targets_bytes,
    }[role]
    unit, *marks = SHAPES[shape]
    # As many values as are accepted, and as many bytes: the first is parsed, the second refused before it is.
    fullest = min(limit - 1000, int((UPDATE_LIMITS.metadata_values - 100) / values_a_byte(shape)))
    for size in (fullest, limit - 1000):
        value = filled(unit, size, *marks)
        path = "metadata/timestamp.json" if role == Timestamp.type else announce(attacker, role, FAR)
        attacker.answers[path] = swollen(role, value)
        assert allocated(victim) <= MOST_BYTES
        assert path in attacker.used
    victim.replace_keys(Timestamp.type, Snapshot.type)


def values_a_byte(shape: str) -> float:
    unit, *marks = SHAPES[shape]
    value = filled(unit, 4096, *marks)
    return count_values(value) / len(value)


def swollen(role: str, value: bytes) -> bytes:
    """Metadata of a role, unsigned, with a field of that value: they are parsed before they are verified."""
    empty: dict[str, Snapshot | Targets | Timestamp] = {
        Snapshot.type: Snapshot(1000),
        Targets.type: Targets(1000),
        Timestamp.type: Timestamp(1000),
    }
    data = signed_by(empty[role])
    return data.replace(b'"signed":{', b'"signed":{"x":' + value + b",", 1)


def allocated(victim: Victim) -> int:
    """The most bytes that a check had allocated at once."""
    tracemalloc.start()
    try:
        with pytest.raises(UpdateError):
            victim.updater.check()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_the_fullest_signed_snapshot_and_targets_after_it_take_no_more_than_is_allowed(victim: Victim) -> None:
    attacker = victim.attack(Timestamp.type, Snapshot.type)
    roles = {f"{i}.json": MetaFile(1) for i in range((UPDATE_LIMITS.metadata_values - 100) // 4)}
    listed = MetaFile(1000, FAR, {"sha256": "0" * 64})
    attacker.publish(snapshot=sets(meta={**roles, "targets.json": listed}))
    attacker.answers["metadata/1000.targets.json"] = swollen(Targets.type, filled('"%":0', 180_000, "{", "}"))
    assert allocated(victim) <= MOST_BYTES
    assert "metadata/1000.targets.json" in attacker.used
    victim.replace_keys(Timestamp.type, Snapshot.type)


@pytest.mark.parametrize(
    "headers",
    [b"X: " + b"y" * 65_000 + b"\r\n", b"HTTP/1.1 100 Continue\r\n" + b"X: " + b"y" * 60_000 + b"\r\n\r\n"],
    ids=["long lines", "provisional answers"],
)
def test_headers_take_no_more_memory_than_is_allowed(victim: Victim, headers: bytes) -> None:
    def answer(handler: SimpleHTTPRequestHandler) -> None:
        if not headers.startswith(b"HTTP"):
            handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
        for _ in range(95):
            handler.wfile.write(headers)
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n{}" if headers.startswith(b"HTTP") else b"\r\n{}")

    attacker = victim.attack()
    attacker.answers["metadata/timestamp.json"] = answer
    tracemalloc.start()
    with pytest.raises(UnreachableError, match="headers"):
        victim.updater.check()
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most <= 2 << 20
