"""Benchmarks: every suite says what it does and writes into its own results; none is needed by the harness."""

import ast
import importlib
import sys

import pytest

from harness.options import BENCHMARKS

SUITES = sorted(path.parent.name for path in BENCHMARKS.glob("*/run.py"))
ENTRIES = [*(f"{suite}.run" for suite in SUITES), "speed.profile_operators"]


@pytest.mark.parametrize("entry", ENTRIES)
def test_help_says_what_an_entry_does_and_where_it_writes(
    entry: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    module = importlib.import_module(entry)
    monkeypatch.setattr(sys, "argv", [entry, "--help"])
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit) as exit_:
        module.main()
    text = capsys.readouterr().out
    assert exit_.value.code == 0
    assert module.__doc__.splitlines()[0] in text and f"python -m {entry}" in text
    assert f"by default benchmarks/{entry.partition('.')[0]}/results" in text


def test_suites_are_found_where_results_are() -> None:
    assert {path.parent.name for path in BENCHMARKS.glob("*/results")} == {*SUITES, "faults"}


def test_the_harness_imports_no_suite() -> None:
    for path in (BENCHMARKS / "harness").glob("*.py"):
        nodes = ast.walk(ast.parse(path.read_text()))
        names = {node.module.partition(".")[0] for node in nodes if isinstance(node, ast.ImportFrom) and node.module}
        assert not names & set(SUITES), path
