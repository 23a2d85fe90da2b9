"""Benchmarks: committed reports say what their committed ledgers hold, whatever happened to the code between."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import precisions.report
import residency.report
import speed.report
from harness.ledger import Ledger
from harness.models import MODELS
from harness.options import results_of

MACHINE = ("processor", "cores", "versions")


@pytest.mark.parametrize(
    ("suite", "write", "facts", "models"),
    [
        ("speed", speed.report.write, (*MACHINE, "plan"), MODELS),
        ("residency", residency.report.write, MACHINE, MODELS),
        ("precisions", precisions.report.write, ("processor", "versions"), tuple(reversed(MODELS))),
    ],
)
def test_a_report_follows_from_its_ledger(
    suite: str, write: Callable[[Ledger, Path], None], facts: tuple[str, ...], models: tuple[str, ...], tmp_path: Path
) -> None:
    results = results_of(suite)
    lines = [json.loads(line) for line in (results / "results.jsonl").read_text().splitlines()]
    latest = {line["shape"]["model"]: line["graph"] for line in lines}
    found = {fact: lines[-1][fact] for fact in facts}
    write(Ledger(results / "results.jsonl", found, {model: latest[model] for model in models}), tmp_path)
    for name in ("report.md", "report.json"):
        assert (tmp_path / name).read_text() == (results / name).read_text()
