"""A sample of what `make fuzz` does at length, and every input that it ever found."""

import json
import tracemalloc
import zlib
from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bitfit_runtime.errors import LONGEST_MESSAGE, BitfitError, PackFormatError, UntrustedUpdateError
from bitfit_runtime.formats import LIMITS, parse_pack, serialize
from bitfit_runtime.updates.schema import Release
from security.fuzz.signed import EARLIER, fuzz_listing, fuzz_signed, signed_metadata
from security.fuzz.subjects import BASE, DEFAULTS, listings, packs, tiny_pack
from security.fuzz.targets import TARGETS, Target

Change = Callable[[dict[str, Any], dict[str, Any]], None]
targets = pytest.mark.parametrize("target", TARGETS.values(), ids=list(TARGETS))


@targets
def test_what_was_not_altered_is_accepted(target: Target) -> None:
    assert all(target.fuzz_one(seed) for seed in target.seeds())


@targets
@settings(max_examples=150)
@given(st.integers(0, 2**32))
def test_what_was_altered_is_refused_in_one_line_or_is_valid(target: Target, seed: int) -> None:
    random = Random(seed)
    data = random.choice(target.seeds())
    for _ in range(random.randint(1, 3)):
        data = target.mutate(data, random)
    target.fuzz_one(data)


@targets
@settings(max_examples=50)
@given(st.binary(max_size=200))
def test_bytes_that_never_were_a_file_are_refused(target: Target, data: bytes) -> None:
    assert not target.fuzz_one(data)


def test_alterations_reach_what_lies_behind_the_first_check() -> None:
    for name in ("pack", "manifest", "floor", "slots", "listing"):
        target, random = TARGETS[name], Random(0)
        accepted = sum(target.fuzz_one(target.mutate(target.seeds()[0], random)) for _ in range(600))
        assert 30 <= accepted <= 500, name


@pytest.mark.parametrize("role", EARLIER)
def test_signed_metadata_spelt_otherwise_say_the_same_and_are_accepted(role: str) -> None:
    signed = signed_metadata(role)[0]
    spelt = json.dumps(dict(reversed(json.loads(signed).items())), indent=3).encode()
    assert spelt != signed and fuzz_signed(role, spelt)


def with_header(change: Change) -> bytes:
    """A pack whose tensor table and description `change` altered."""
    data = packs()[0]
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    document = json.loads(header["__metadata__"]["bitfit"])
    change(header, document)
    header["__metadata__"]["bitfit"] = json.dumps(document)
    table = json.dumps(header).encode()
    return len(table).to_bytes(8, "little") + table + data[8 + length :]


def name_a_metric_by_half_a_surrogate_pair(header: dict[str, Any], document: dict[str, Any]) -> None:
    document["metrics"]["\ud800"] = 1.0


def hold_a_dtype_that_numpy_lacks(header: dict[str, Any], document: dict[str, Any]) -> None:
    header["head.bias"].update(dtype="BF16", shape=[4])


@pytest.mark.parametrize(
    ("change", "message"),
    [(name_a_metric_by_half_a_surrogate_pair, "Unicode"), (hold_a_dtype_that_numpy_lacks, "dtype 'BF16'")],
)
def test_a_pack_that_was_found_is_refused_for_what_it_is(change: Change, message: str) -> None:
    with pytest.raises(PackFormatError, match=message):
        parse_pack(with_header(change))


@pytest.mark.parametrize(
    "change",
    [{"labels": -1}, {"labels": 1 << 63}, {"metrics": {"f1": "1.7976931348623157e308"}}, {"metrics": {"": "x"}}],
)
def test_a_signed_description_that_was_found_is_refused(change: dict[str, Any]) -> None:
    custom = {"labels": 2, "metrics": {}, "release": 1}
    assert Release.from_target(BASE.digest, "t", 9, {"sha256": "0" * 64}, custom).number == 1
    with pytest.raises(UntrustedUpdateError):
        Release.from_target(BASE.digest, "t", 9, {"sha256": "0" * 64}, custom | change)


@pytest.mark.parametrize("last", [-1, (1 << 53) + 1, 1 << 63])
def test_signed_targets_that_were_found_to_move_the_floor_out_of_reach_are_refused(last: int) -> None:
    document = json.loads(listings()[0])
    removed = document["targets"]["removed"]
    assert list(removed.values()) == [7, 1]
    document["targets"]["removed"] = dict.fromkeys(removed, last)
    assert not fuzz_listing(json.dumps(document).encode())


@pytest.mark.parametrize("text", ["two\nlines", "\x1b[2J", "\ud800", "\u202e", "\U000e0001" * 9000, "a" * (8 << 20)])
def test_a_message_that_quotes_a_hostile_file_is_one_short_line_and_keeps_its_advice(text: str) -> None:
    message = str(BitfitError(f"found {text}; get it again"))
    assert message.isprintable() and len(message) <= LONGEST_MESSAGE
    assert message.startswith("found ") and message.endswith("; get it again")


def claim_more_than_there_is(header: dict[str, Any], document: dict[str, Any]) -> None:
    header["biases"].update(shape=[1 << 40], data_offsets=[0, 1 << 42])


def describe_nothing_at_length(header: dict[str, Any], document: dict[str, Any]) -> None:
    document["metrics"] = [[]] * (LIMITS.metadata_bytes // 5)


def deflate_much() -> bytes:
    pack, deflater = tiny_pack("int8"), zlib.compressobj(9, zlib.DEFLATED, -15)
    stream = b"".join(deflater.compress(bytes(1 << 24)) for _ in range(16)) + deflater.flush()
    return serialize(replace(pack, tensors=dict(pack.tensors) | {"biases": np.frombuffer(stream, np.uint8)}))


@pytest.mark.parametrize(
    ("make", "megabytes"),
    [
        (lambda: (1 << 63).to_bytes(8, "little") + packs()[0][8:], 0.1),
        (lambda: with_header(claim_more_than_there_is), 0.1),
        (lambda: with_header(describe_nothing_at_length), 64),
        (deflate_much, 2),
    ],
    ids=["header", "tensor", "description", "stream"],
)
def test_a_pack_that_claims_much_is_refused_within_bounded_memory(make: Callable[[], bytes], megabytes: float) -> None:
    data = make()
    assert len(data) < 3 << 20
    tracemalloc.start()
    with pytest.raises(PackFormatError):
        parse_pack(data).decode(BASE, DEFAULTS)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < megabytes * (1 << 20)
