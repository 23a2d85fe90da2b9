"""Benchmarks: figures of resident tasks are computed from whole groups of this machine alone."""

from pathlib import Path

import pytest

from harness.ledger import Ledger
from residency.measure import MEMORY
from residency.report import aims, memory_figures, write


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    ledger = Ledger(tmp_path / "results.jsonl", {"processor": "p"}, {"m": "digest"})
    for tasks, installed, used in ((1, 100.0, 101.0), (100, 110.0, 121.2), (1000, 199.9, 300.0)):
        arms = {"installed": {"mb": installed}, "used": {"mb": used}, "a pack": {"mb": 0.1}}
        ledger.once(MEMORY, {"model": "m", "tasks": tasks}, lambda arms=arms: arms)
    return ledger


def test_a_task_costs_what_the_others_after_the_first_added(ledger: Ledger) -> None:
    (_, _, task), (_, _, hundred) = memory_figures(ledger, "m")
    assert (task, hundred) == (pytest.approx(1.0), pytest.approx(1.2))


def test_the_report_has_what_was_measured_and_leaves_out_the_rest(ledger: Ledger, tmp_path: Path) -> None:
    write(ledger, tmp_path)
    assert [row[-1] for row in aims(ledger).rows] == ["yes", "yes"]
    text = (tmp_path / "report.md").read_text()
    assert "## Memory" in text and "## Calls" not in text
