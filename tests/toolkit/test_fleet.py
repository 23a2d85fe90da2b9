"""Groups, the ledger and places, without a cluster."""

import json
from pathlib import Path

import pytest

from bitfit_runtime import Base
from bitfit_toolkit import TrainOptions, read_run_configs
from bitfit_toolkit.cards.facts import read_facts
from bitfit_toolkit.errors import FleetError, TrainingError
from bitfit_toolkit.fleet import Fleet, Ledger, plan_fleet, train_here
from bitfit_toolkit.places import common_folder, is_address, joined, list_place, read_place, remove_place, write_place
from support.command_line import bitfit
from support.fleets import digests, write_tasks


def plan(tasks: Path, size: int = 4, digest: str = "sha256:0", threads: int = 1) -> Fleet:
    return plan_fleet(tasks, read_run_configs(tasks, TrainOptions()), digest, threads=threads, size=size)


def test_groups_follow_from_the_file_alone(tmp_path: Path) -> None:
    tasks = write_tasks(tmp_path, 10)
    fleet = plan(tasks)
    assert [(group.number, len(group.runs)) for group in fleet.groups] == [(0, 4), (1, 4), (2, 2)]
    assert sorted(output for group in fleet.groups for output in group.outputs) == sorted(
        str(tmp_path / "packs" / f"tenant{number}.safetensors") for number in range(10)
    )
    assert plan(tasks) == fleet and plan(tasks).digest == fleet.digest
    assert fleet.ledger == str(tmp_path / "packs" / "tasks.ledger")
    assert (
        len({fleet.digest, plan(tasks, size=3).digest, plan(tasks, threads=2).digest, plan(tasks, digest="1").digest})
        == 4
    )


def test_runs_of_another_length_or_start_are_groups_of_their_own(tmp_path: Path) -> None:
    tasks = write_tasks(tmp_path, 4)
    text = tasks.read_text(encoding="utf-8")
    tasks.write_text(
        text.replace("seed = 1", "seed = 1\nmax-length = 32").replace("seed = 2", "seed = 2\nfrom-layer = 1")
    )
    assert [len(group.runs) for group in plan(tasks).groups] == [2, 1, 1]


def test_a_group_size_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="at least 1, found 0"):
        plan(write_tasks(tmp_path), size=0)


def test_a_run_that_was_cut_goes_on_with_the_groups_that_are_missing(base: Base, tmp_path: Path) -> None:
    fleet = plan(write_tasks(tmp_path, 3), size=1, digest=base.manifest.digest)
    groups = train_here(base, Ledger.begin(fleet))
    first = next(groups)
    groups.close()
    written = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "packs").glob("*.safetensors")}
    ledger = Ledger.resume(fleet)
    assert ledger.finished == {first.number} and len(ledger.waiting) == 2
    assert [group.number for group in train_here(base, ledger)] == [group.number for group in ledger.waiting]
    for name, changed in written.items():
        assert (tmp_path / "packs" / name).stat().st_mtime_ns == changed
    entry = json.loads((Path(fleet.ledger) / "group-000000.json").read_text())
    assert entry["threads"] == 1 and set(entry["packs"].values()) <= set(digests(tmp_path / "packs").values())
    assert not Ledger.resume(fleet).waiting


def test_what_an_entry_does_not_cover_is_trained_again(base: Base, tmp_path: Path) -> None:
    fleet = plan(write_tasks(tmp_path, 2), size=2, digest=base.manifest.digest)
    list(train_here(base, Ledger.begin(fleet)))
    entry = Path(fleet.ledger) / "group-000000.json"
    entry.write_text('{"packs": {"another": "00"}}')
    assert len(Ledger.resume(fleet).waiting) == 1
    entry.write_text("torn")
    with pytest.raises(FleetError, match="leave out --resume"):
        Ledger.resume(fleet)


def test_another_file_of_tasks_is_not_gone_on_with(
    tmp_path: Path, base: Base, capsys: pytest.CaptureFixture[str]
) -> None:
    tasks = write_tasks(tmp_path, 2)
    command = ("train", "--base", base.folder, "--many", tasks)
    assert bitfit(*command, "--threads", "1", capsys=capsys)[0] == 0
    before = digests(tmp_path / "packs")
    tasks.write_text(tasks.read_text().replace("seed = 1", "seed = 7"))
    code, _, err = bitfit(*command, "--threads", "1", "--resume", capsys=capsys)
    assert code == 12 and "restore" in err and digests(tmp_path / "packs") == before
    assert bitfit(*command, "--threads", "1", capsys=capsys)[0] == 0
    code, _, err = bitfit(*command, "--threads", "1", "--resume", capsys=capsys)
    assert code == 0 and "1 of 1 groups were finished before" in err


def test_a_dry_run_shows_groups_and_writes_nothing(
    tmp_path: Path, base: Base, capsys: pytest.CaptureFixture[str]
) -> None:
    tasks = write_tasks(tmp_path, 5)
    code, out, _ = bitfit("train", "--base", base.folder, "--many", tasks, "--dry-run", capsys=capsys)
    assert code == 0 and "5 packs in 2 groups" in out and not (tmp_path / "packs").exists()
    code, out, _ = bitfit("train", "--base", base.folder, "--many", tasks, "--dry-run", "--json", capsys=capsys)
    assert [len(json.loads(line)["packs"]) for line in out.splitlines()] == [4, 1]


def test_options_of_many_are_for_many(tmp_path: Path, base: Base, capsys: pytest.CaptureFixture[str]) -> None:
    given = ("train", "--base", base.folder, "--train", "a.csv", "--output", tmp_path / "a.safetensors")
    code, _, err = bitfit(*given, "--ray", "local", capsys=capsys)
    assert code == 2 and "is for --many" in err


def test_options_of_ray_are_for_ray(tmp_path: Path, base: Base, capsys: pytest.CaptureFixture[str]) -> None:
    given = ("train", "--base", base.folder, "--many", write_tasks(tmp_path))
    for flag, value in (("--workers", "2"), ("--gpus", "0.5")):
        code, _, err = bitfit(*given, flag, value, capsys=capsys)
        assert code == 2 and f"{flag}" in err and "--ray" in err
    assert not (tmp_path / "packs").exists()


def test_data_that_cannot_be_read_leave_what_was_finished(
    tmp_path: Path, base: Base, capsys: pytest.CaptureFixture[str]
) -> None:
    tasks = write_tasks(tmp_path, 2)
    command = ("train", "--base", base.folder, "--many", tasks, "--threads", "1")
    assert bitfit(*command, capsys=capsys)[0] == 0
    before = {path: path.read_bytes() for path in (tmp_path / "packs").rglob("*") if path.is_file()}
    data = (tmp_path / "tenant1.csv").read_bytes()
    (tmp_path / "tenant1.csv").write_text("no,columns\n1,2\n")
    assert bitfit(*command, capsys=capsys)[0] == 3
    assert {path: path.read_bytes() for path in (tmp_path / "packs").rglob("*") if path.is_file()} == before
    (tmp_path / "tenant1.csv").write_bytes(data)
    code, _, err = bitfit(*command, "--resume", capsys=capsys)
    assert code == 0 and "1 of 1 groups were finished before" in err


def test_places_are_paths_or_addresses(tmp_path: Path) -> None:
    pytest.importorskip("fsspec")
    for folder in (str(tmp_path / "here"), "memory://fleet/here", f"file://{tmp_path}/there"):
        assert list_place(folder) == [] and read_place(joined(folder, "a")) is None
        for name in ("b", "a"):
            write_place(joined(folder, name), name.encode())
        write_place(joined(folder, "a"), b"again")
        assert read_place(joined(folder, "a")) == b"again"
        assert list_place(folder) == ["a", "b"]
        remove_place(joined(folder, "b"))
        assert len(list_place(folder)) == 1
    assert is_address("s3://bucket/key") and not is_address("a/b") and not is_address(tmp_path)


def test_the_folder_of_all_outputs_has_the_ledger() -> None:
    assert common_folder(["/a/b/x", "/a/b/c/y"]) == "/a/b"
    assert common_folder(["s3://bucket/one/x", "s3://bucket/two/y"]) == "s3://bucket"
    assert common_folder(["s3://bucket/one/x", "s3://bucket/one/y"]) == "s3://bucket/one"


def test_packs_are_trained_from_addresses_to_addresses(base: Base, tmp_path: Path) -> None:
    fsspec = pytest.importorskip("fsspec")
    tasks = write_tasks(tmp_path, 2)
    memory = fsspec.filesystem("memory")
    for data in tmp_path.glob("*.csv"):
        memory.pipe_file(f"/in/{data.name}", data.read_bytes())
    text = (
        tasks.read_text()
        .replace('train = "', 'train = "memory://in/')
        .replace('output = "packs', 'output = "memory://out')
    )
    tasks.write_text(text)
    fleet = plan(tasks, digest=base.manifest.digest)
    (here,) = train_here(base, Ledger.begin(fleet))
    assert here.failure is None and [pack.output for pack in here.packs] == list(fleet.groups[0].outputs)
    assert memory.cat("/out/tenant0.safetensors") == here.packs[0].data
    assert not memory.exists("/out/tenant0.card.json")
    assert not Ledger.resume(fleet).waiting


def test_facts_for_cards_lie_beside_the_packs(base: Base, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tasks = write_tasks(tmp_path, 2)
    code, _, err = bitfit("train", "--base", base.folder, "--many", tasks, "--card", capsys=capsys)
    assert code == 0, err
    for number in range(2):
        facts = read_facts(tmp_path / "packs" / f"tenant{number}.safetensors")
        assert facts is not None and facts.options["seed" if number else "max_steps"] == str(number or 2)


def test_a_group_is_no_smaller_than_what_shares_a_pass(
    base: Base, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tasks = write_tasks(tmp_path, 6)
    for flags, sizes in (((), [4, 2]), (("--at-once", 5), [5, 1]), (("--at-once", 5, "--group-size", 3), [3, 3])):
        code, out, err = bitfit(
            "train", "--base", base.folder, "--many", tasks, *flags, "--dry-run", "--json", capsys=capsys
        )
        assert code == 0, err
        assert [len(json.loads(line)["packs"]) for line in out.splitlines()] == sizes
