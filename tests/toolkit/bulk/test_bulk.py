"""Bulk answers on one machine: what an engine answers row by row, whatever is mixed, cut or altered."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from bitfit_runtime import Base, Engine, Row
from bitfit_runtime.errors import InputError, UnknownTaskError
from bitfit_toolkit.bulk import BulkOptions, BulkPlan, PartReport, Summary, answer_here, begin, plan_bulk
from bitfit_toolkit.bulk.shelf import Shelf
from bitfit_toolkit.bulk.work import WORK_BYTES, Worker
from bitfit_toolkit.errors import DataError, FleetError, PlaceError
from support.bulk import outputs, read_rows, text_of, write_packs, write_part, write_parts

TENANT = BulkOptions(task_column="tenant")


def answered(base: Base, plan: BulkPlan) -> Summary:
    finished, waiting = begin(plan)
    reports = [*finished, *answer_here(base, plan, waiting)]
    assert [report.failure for report in reports] == [None] * len(plan.parts)
    return Summary.of(reports, len(finished))


@pytest.fixture(scope="module")
def packs(base: Base, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_packs(base, tmp_path_factory.mktemp("packs"), 5)


def test_rows_of_any_tenant_have_the_answers_of_an_engine(
    base: Base, engine: Engine, packs: Path, tmp_path: Path
) -> None:
    pattern = write_parts(tmp_path / "in", 2, 1500, 5)  # more than a chunk
    summary = answered(base, plan_bulk(base, str(packs), pattern, str(tmp_path / "out"), TENANT))
    assert summary == Summary(2, 0, 3000, 3000, 0, 1)
    for task in range(5):
        engine.install(f"t{task}", packs / f"t{task}.safetensors")
    rows = read_rows(tmp_path / "out/day=1/rows.parquet")
    assert [row["row"] for row in rows] == list(range(1500))
    for number in (0, 1023, 1024, 1499):
        expected = engine.predict(Row(text_of(1500 + number), f"t{(1500 + number) * 13 % 5}"))
        found = rows[number]
        assert (found["task"], found["label"], found["probability"]) == (
            *(expected.task, expected.label, expected.probability),  # type: ignore[union-attr]
        )


def test_several_tasks_answer_each_row(base: Base, packs: Path, tmp_path: Path) -> None:
    pattern = write_parts(tmp_path / "in", 1, 20, 5)
    plan = plan_bulk(base, str(packs), pattern, str(tmp_path / "out"), BulkOptions(tasks=("t3", "t1")))
    assert answered(base, plan).answers == 40
    rows = read_rows(tmp_path / "out/day=0/rows.parquet")
    assert [(row["row"], row["task"]) for row in rows] == [(n, task) for n in range(20) for task in ("t3", "t1")]
    alone = replace(plan, output=str(tmp_path / "alone"), options=BulkOptions(tasks=("t1",)))
    answered(base, alone)
    assert read_rows(tmp_path / "alone/day=0/rows.parquet") == [row for row in rows if row["task"] == "t1"]


def test_rows_without_an_answer_go_aside_with_their_reason(base: Base, packs: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(packs, tmp_path / "packs")
    (folder / "broken.safetensors").write_bytes(b"no pack")
    rows = [
        {"tenant": "t0", "text": "one"},
        {"tenant": "absent", "text": "two"},
        {"tenant": "../t0", "text": "two"},
        {"tenant": "t0", "text": 3},
        {"tenant": "t0"},
        {"tenant": None, "text": "five"},
        {"tenant": "broken", "text": "six"},
        {"tenant": "t1", "text": "\ud800"},
        {"tenant": "t1", "text": ""},
    ]
    source = write_part(tmp_path / "rows.jsonl", rows)
    with source.open("a") as stream:
        stream.write("{not json\n")
    summary = answered(base, plan_bulk(base, str(folder), str(source), str(tmp_path / "out"), TENANT))
    assert (summary.rows, summary.answers, summary.unanswered) == (10, 2, 8)
    assert [row["row"] for row in read_rows(tmp_path / "out/rows.jsonl.parquet")] == [0, 8]
    aside = {row["row"]: row["reason"] for row in read_rows(tmp_path / "out/unanswered/rows.jsonl.parquet")}
    words = {1: "no pack", 2: "no pack", 3: "not a string", 4: "missing", 5: "task", 6: "broken", 7: "Unicode"}
    assert [row for row, word in words.items() if word not in aside[row]] == []
    assert "JSON" in aside[9] and len(aside) == 8


def test_a_limit_reads_packs_again_and_changes_no_byte(base: Base, tmp_path: Path) -> None:
    packs = write_packs(base, tmp_path / "packs", 40, labels=100)
    pattern = write_parts(tmp_path / "in", 1, 400, 40)
    plan = plan_bulk(base, str(packs), pattern, str(tmp_path / "free"), TENANT)
    answered(base, plan)
    engine = Engine(base, threads=1)
    low = engine.memory.base + 30_000_000
    while True:  # the least that an engine with a pack takes
        try:
            tight = Engine(base, threads=1, memory_limit=low)
            tight.install("t0", packs / "t0.safetensors")
            break
        except InputError:
            low += 1_000_000
    limited = replace(plan, output=str(tmp_path / "tight"), options=replace(TENANT, memory_limit=low + WORK_BYTES))
    worker = Worker(base, limited)
    shelf = worker.shelf
    shelf._most = 10 * max(path.stat().st_size for path in packs.iterdir())
    begin(limited)
    report = worker.answer(limited.parts[0])
    assert report.answers == 400 and shelf.read >= 40 and len(shelf._held) < 40
    assert outputs(tmp_path / "tight") == outputs(tmp_path / "free")


def test_a_row_whose_packs_never_fit_is_said(base: Base, packs: Path, tmp_path: Path) -> None:
    pattern = write_parts(tmp_path / "in", 1, 2, 2)
    plan = plan_bulk(base, str(packs), pattern, str(tmp_path / "out"), BulkOptions(tasks=("t0", "t1", "t2")))
    shelf = Shelf(Engine(base, threads=1), plan, None)
    shelf._most = 1
    with pytest.raises(InputError, match="memory_limit"):
        shelf.hold(("t0", "t1"), ())
    with pytest.raises(InputError, match="memory_limit"):
        Worker(base, replace(plan, options=replace(plan.options, memory_limit=WORK_BYTES + 1)))


def test_a_killed_run_goes_on_without_gaps_or_duplicates(base: Base, packs: Path, tmp_path: Path) -> None:
    pattern = write_parts(tmp_path / "in", 3, 50, 5)
    whole = plan_bulk(base, str(packs), pattern, str(tmp_path / "whole"), TENANT)
    answered(base, whole)
    plan = replace(whole, output=str(tmp_path / "cut"))
    _, waiting = begin(plan)
    next(iter(answer_here(base, plan, waiting)))
    (tmp_path / "cut/day=1").mkdir()
    (tmp_path / "cut/day=1/.tmp-left").write_bytes(b"half")
    finished, rest = begin(plan)
    assert [report.rows for report in finished] == [50] and rest == list(plan.parts[1:])
    assert answered(base, plan).rows == 150
    assert outputs(tmp_path / "cut") == outputs(tmp_path / "whole")


def test_what_changed_is_an_error(base: Base, packs: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(packs, tmp_path / "packs")
    pattern, output = write_parts(tmp_path / "in", 2, 20, 5), str(tmp_path / "out")
    plan = plan_bulk(base, str(folder), pattern, output, TENANT)
    begin(replace(plan, options=replace(TENANT, task_column="typed wrongly")))  # nothing was answered yet
    _, waiting = begin(plan)
    next(iter(answer_here(base, plan, waiting[:1])))
    shutil.copy(folder / "t1.safetensors", folder / "t0.safetensors")
    with pytest.raises(FleetError, match=r"t0\.safetensors has changed"):
        list(answer_here(base, plan, waiting[1:]))
    with pytest.raises(FleetError, match="another output"):
        begin(plan_bulk(base, str(folder), pattern, output, TENANT))
    Path(output, "bitfit-plan.json").unlink()
    write_part(Path(output, "day=0/rows.parquet"), [{"of": "others"}])
    with pytest.raises(FleetError, match="not written by this work"):
        begin(plan_bulk(base, str(folder), pattern, output, TENANT))


def test_a_part_that_cannot_be_read_leaves_the_others(base: Base, packs: Path, tmp_path: Path) -> None:
    pattern = write_parts(tmp_path / "in", 3, 20, 5)
    (tmp_path / "in/day=1/rows.parquet").write_bytes(b"PAR1 no more")
    plan = plan_bulk(base, str(packs), pattern, str(tmp_path / "out"), TENANT)
    reports: list[PartReport] = list(answer_here(base, plan, begin(plan)[1]))
    assert [type(report.failure) for report in reports] == [type(None), DataError, type(None)]
    assert set(outputs(tmp_path / "out")) == {"bitfit-plan.json", "day=0/rows.parquet", "day=2/rows.parquet"}


@pytest.mark.parametrize("names", [("a.jsonl", "a.jsonl.parquet"), ("a.parquet", "unanswered/a.parquet")])
def test_parts_that_would_share_an_output_are_refused(
    base: Base, packs: Path, tmp_path: Path, names: tuple[str, str]
) -> None:
    for name in names:
        write_part(tmp_path / "in" / name, [{"tenant": "t0", "text": name}])
    where = tmp_path / "in"
    with pytest.raises(DataError, match=f"{names[0]} and {where / names[1]} would both become .*{names[1]}; rename"):
        plan_bulk(base, str(packs), f"{where}/**/*", str(tmp_path / "out"), TENANT)
    assert len(plan_bulk(base, str(packs), f"{where}/{names[1]}", str(tmp_path / "out"), TENANT).parts) == 1


def test_what_cannot_be_begun_is_said(base: Base, packs: Path, tmp_path: Path) -> None:
    source = str(write_part(tmp_path / "rows.parquet", [{"words": "a", "tenant": "t0"}]))
    body = str(write_part(tmp_path / "body.parquet", [{"body": "a", "tenant": "t0"}]))
    folder, out = str(packs), str(tmp_path / "out")
    for error, match, given in (
        (DataError, "no file matches", (folder, str(tmp_path / "*.csv"), out, TENANT)),
        (DataError, "holds no pack", (str(tmp_path), source, out, TENANT)),
        (UnknownTaskError, "has no pack nobody", (folder, source, out, BulkOptions(tasks=("nobody",)))),
        (InputError, "task_column", (folder, source, out, BulkOptions())),
    ):
        with pytest.raises(error, match=match):
            plan_bulk(base, *given)
    for options, where, match in (
        (replace(TENANT, task_column="user"), source, "no column 'user'"),
        (TENANT, body, "text_column"),
    ):
        plan = plan_bulk(base, folder, where, str(tmp_path / match.replace(" ", "")), options)
        assert match in str(next(answer_here(base, plan, begin(plan)[1])).failure)
    (tmp_path / "file").write_text("")
    with pytest.raises(PlaceError, match="file/out"):
        begin(plan_bulk(base, folder, source, str(tmp_path / "file" / "out"), TENANT))
