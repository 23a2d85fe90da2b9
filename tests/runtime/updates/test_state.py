"""State of a store: slots and the version floor are written and read whole, or refused."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bitfit_runtime.errors import RollbackError, StoreError
from bitfit_runtime.updates.slots import Slots, StoredRelease, parse_slots
from bitfit_runtime.updates.store import Store
from bitfit_runtime.updates.version_floor import VersionFloor, parse_version_floor

BASE = "sha256:" + "ab" * 32
NUMBERS = st.integers(0, 1 << 53)
STORED = st.builds(StoredRelease, st.integers(1, 1 << 53), st.text("0123456789abcdef", min_size=64, max_size=64))
SLOTS = st.builds(Slots, *[st.none() | STORED] * 3, NUMBERS)
FLOORS = st.builds(VersionFloor, NUMBERS, st.dictionaries(st.text("ab/.", max_size=9), NUMBERS))
NAMES = st.sampled_from(["active", "release", "sha256", "root", "x"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(NAMES, inner),
)


@given(SLOTS)
def test_slots_read_back_as_they_were_written(slots: Slots) -> None:
    assert parse_slots(slots.to_json(), "p") == slots


@given(FLOORS)
def test_a_floor_reads_back_as_it_was_written(floor: VersionFloor) -> None:
    assert parse_version_floor(floor.to_json(), "f") == floor


@given(FLOORS, FLOORS)
def test_a_floor_never_falls(one: VersionFloor, other: VersionFloor) -> None:
    raised = one.raised(other.root, other.releases)
    for floor in (one, other):
        assert raised.root >= floor.root
        assert all(raised.releases[path] >= number for path, number in floor.releases.items())


@given(SLOTS | FLOORS, st.data())
def test_altered_or_torn_state_is_refused_or_sound(state: Slots | VersionFloor, data: st.DataObject) -> None:
    content = bytearray(state.to_json())
    del content[data.draw(st.integers(0, len(content))) :]
    for _ in range(data.draw(st.integers(0, 3)) if content else 0):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    for parse in (parse_slots, parse_version_floor):
        try:
            found = parse(bytes(content), "file")
        except StoreError as error:
            assert "\n" not in str(error)
        else:
            assert parse(found.to_json(), "file") == found


@settings(max_examples=30)  # `make fuzz` tries many more
@given(st.sampled_from(["bitfit-pointer", "bitfit-floor"]), st.dictionaries(st.text(), JSON), JSON)
def test_any_json_is_refused_or_sound(kind: str, extra: dict[str, object], value: object) -> None:
    document = {"rejected": value, "active": value, "root": 1, "releases": value} | extra
    content = json.dumps(document | {"format": kind, "schema_version": 1}).encode()
    for parse in (parse_slots, parse_version_floor):
        try:
            found = parse(content, "file")
        except StoreError:
            continue
        assert parse(found.to_json(), "file") == found


def test_a_floor_refuses_what_is_older_and_takes_what_is_equal() -> None:
    floor = VersionFloor(3, {"a": 5})
    floor.check_root(3)
    floor.check_release("a", 5)
    floor.check_release("unknown", 1)
    with pytest.raises(RollbackError):
        floor.check_root(2)
    with pytest.raises(RollbackError):
        floor.check_release("a", 4)


@given(st.lists(st.sampled_from(["stage", "activate", "reject", "roll_back", "drop_damaged"]), max_size=30))
def test_no_order_of_steps_brings_a_rejected_release_back(steps: list[str]) -> None:
    slots, number, bad = Slots(), 0, set()
    for step in steps:
        if step == "stage":
            number += 1
            slots = slots.stage(StoredRelease(number, f"{number:064x}"))
        elif step in ("activate", "reject") and slots.staged is not None:
            bad |= {slots.staged.number} if step == "reject" else set()
            slots = getattr(slots, step)()
        elif step in ("roll_back", "drop_damaged") and slots.active is not None:
            bad |= {slots.active.number} if step == "roll_back" else set()
            slots = getattr(slots, step)()
        assert slots.active is None or slots.active.number not in bad
        assert slots.previous is None or slots.previous.number not in bad
        assert len({stored.number for stored in slots.stored}) == len(slots.stored) <= 3


@pytest.mark.parametrize("name", ["pointer.json", "floor.json"])
def test_state_of_a_newer_schema_is_refused_by_version(tmp_path: Path, name: str) -> None:
    store = Store(tmp_path, BASE, lock_timeout=0)
    store.write_slots("mood", Slots())
    store.raise_version_floor(VersionFloor(1))
    [path] = tmp_path.rglob(name)
    path.write_bytes(path.read_bytes().replace(b'"schema_version": 1', b'"schema_version": 3'))
    with pytest.raises(StoreError, match="schema version 3"):
        store.read_slots("mood")
        store.read_version_floor()


def test_a_writer_removes_what_a_killed_one_left(tmp_path: Path) -> None:
    store = Store(tmp_path, BASE, lock_timeout=0)
    store.write_slots("mood", Slots())
    store.write_pack("mood", StoredRelease(1, "a" * 64), b"never pointed to")
    folder = next(tmp_path.rglob("*.safetensors")).parent
    for place in (folder, tmp_path):
        (place / ".tmp-torn").write_bytes(b"half")
    with store.write_lock():
        store.write_slots("mood", Slots())
    assert [path.name for path in folder.iterdir()] == ["pointer.json"]
    assert not (tmp_path / ".tmp-torn").exists()


def test_a_pack_that_was_altered_is_not_returned(tmp_path: Path) -> None:
    store = Store(tmp_path, BASE, lock_timeout=0)
    stored = StoredRelease(1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")  # of "abc"
    assert store.read_pack("mood", stored) is None
    store.write_pack("mood", stored, b"abc")
    assert store.read_pack("mood", stored) == b"abc"
    store.write_pack("mood", stored, b"abd")
    assert store.read_pack("mood", stored) is None
