"""A sample of the fault table: some of all faults at some of all calls. `make faults` tries every one."""

import posix
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from bitfit_runtime import Base, files
from bitfit_runtime.updates.store import Store
from security.faults.device_cases import World, device_cases
from security.faults.publish_cases import publish_cases
from security.faults.sweep import Row, sweep
from security.faults.trial import Case

STEP = 167  # one fault in so many
DEVICE = (
    *("first update", "update", "update, keys replaced", "update, bad release", "update, another repository"),
    *("rollback", "start, damaged pack"),
)
PUBLISH = (
    *("init", "first add", "add", "add, to hash bins", "withdraw", "refresh"),
    *(f"rotate-key {role}" for role in ("timestamp", "snapshot", "targets", "root")),
)


@pytest.fixture(scope="module")
def cases(base: Base, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Case]]:
    with ExitStack() as servers:
        world = World(tmp_path_factory.mktemp("device"), base, servers)
        found: list[Case] = [*device_cases(world), *publish_cases(tmp_path_factory.mktemp("publisher"))]
        yield {case.name: case for case in found}


def test_every_operation_is_tried(cases: Mapping[str, Case]) -> None:
    assert set(cases) == {*DEVICE, *(f"publish {name}" for name in PUBLISH)}


@pytest.mark.parametrize("name", [*DEVICE, *(f"publish {name}" for name in PUBLISH)])
def test_a_fault_leaves_old_or_new_whole_and_what_follows_succeeds(
    name: str, cases: Mapping[str, Case], tmp_path: Path
) -> None:
    row = sweep(cases[name], tmp_path, STEP)
    assert row.calls > 40 and row.kills + row.errors > row.calls * 4 // STEP
    assert row.found == []


def without_faults(case: Case, folder: Path) -> Row:
    """What a loss of power right after the operation shows."""
    return sweep(case, folder, step=1_000_000)


def test_a_writer_that_does_not_synchronize_files_is_found(
    cases: Mapping[str, Case], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "place_file", lambda path, data, mode: path.write_bytes(data))
    assert without_faults(cases["update"], tmp_path).torn


def test_a_writer_that_does_not_synchronize_folders_is_found(
    cases: Mapping[str, Case], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "sync_folder", lambda folder: None)
    # Which names are lost is drawn at random: several points are tried.
    assert sweep(cases["update"], tmp_path, step=20, until_found=True).found


def test_a_store_that_does_not_raise_its_version_floor_is_found(
    cases: Mapping[str, Case], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Store, "raise_version_floor", lambda store, floor: None)
    assert without_faults(cases["update"], tmp_path).lowered


def test_a_call_that_goes_past_the_count_is_found(
    cases: Mapping[str, Case], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unlink = posix.unlink  # what `os.unlink` was at first
    monkeypatch.setattr(Store, "check_space", lambda store, size: unlink(store.folder / "lock"))
    assert without_faults(cases["update"], tmp_path).past
