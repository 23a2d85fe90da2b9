"""Benchmarks: results survive a kill and are never mixed with those of another machine, graph or plan."""

import json
from pathlib import Path

import pytest

from harness.ledger import Ledger

SHAPE = {"model": "m", "sequence": 16}
TIMES = {
    "ours": {"min": 1.0, "median": 2.0},
    "peer a": {"min": 2.0, "median": 5.0},
    "peer b": {"min": 4.0, "median": 4.0},
}


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "results.jsonl", {"processor": "p"}, {"m": "digest"})


def test_a_second_run_measures_nothing_again(ledger: Ledger) -> None:
    ledger.once("latency", SHAPE, lambda: TIMES)
    ledger.once("latency", SHAPE, lambda: pytest.fail("measured again"))
    assert ledger.groups("latency") == [(SHAPE, TIMES)]


def test_a_group_cut_by_a_kill_is_measured_again(ledger: Ledger) -> None:
    ledger.once("latency", SHAPE, lambda: TIMES)
    whole = ledger.path.read_text()
    ledger.path.write_text(whole[: len(whole) - 30])
    assert ledger.groups("latency") == []
    again = {name: {"min": 9.0, "median": 9.0} for name in TIMES}
    ledger.once("latency", SHAPE, lambda: again)
    assert [arms for _, arms in ledger.groups("latency")] == [again]


@pytest.mark.parametrize(
    ("facts", "graphs"), [({"processor": "q"}, {"m": "digest"}), ({"processor": "p"}, {"m": "other"})]
)
def test_another_machine_or_graph_is_another_result(ledger: Ledger, facts: dict, graphs: dict) -> None:
    ledger.once("latency", SHAPE, lambda: TIMES)
    other = Ledger(ledger.path, facts, graphs)
    assert other.missing("latency", [SHAPE]) == [SHAPE]
    other.once("latency", SHAPE, lambda: TIMES)
    assert len(ledger.path.read_text().splitlines()) == 2 * len(TIMES)
    assert len(ledger.lines()) == len(TIMES)


def test_every_line_is_json_with_its_arm_and_facts(ledger: Ledger) -> None:
    ledger.once("latency", SHAPE, lambda: TIMES)
    lines = [json.loads(line) for line in ledger.path.read_text().splitlines()]
    assert [line["arm"] for line in lines] == list(TIMES)
    assert all(line["processor"] == "p" and line["graph"] == "digest" and line["shape"] == SHAPE for line in lines)
