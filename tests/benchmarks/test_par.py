"""BitFit beside full fine-tuning: seeds are paired, rows held out choose steps, what learned nothing is in no mean."""

from dataclasses import replace
from typing import Any

from bitfit_toolkit.compare import CellFile
from bitfit_toolkit.compare.cells import Cell
from harness.options import results_of
from methods.jobs import Amount
from methods.par import CELLS, default_runs, report

CELL = Cell("sst2", "full", 1000, 250, 0, 1e-4, "accuracy", 0.8, 0.7, None, 9, 4, 100, 1.0)


def cells(method: str, steps: int, held_out: float, *found: float, **changes: Any) -> list[Cell]:
    one = replace(CELL, method=method, steps=steps, held_out=held_out, **changes)
    return [replace(one, seed=seed, torch=value) for seed, value in enumerate(found)]


def test_seeds_are_paired_and_rows_held_out_choose_the_steps() -> None:
    worse = cells("full", 250, 0.7, 0.99, 0.99, learning_rate=3e-4)
    longer = cells("bitfit", 632, 0.9, 0.8, 0.7)
    text = report(
        [*cells("full", 250, 0.8, 0.7, 0.6), *worse, *cells("bitfit", 417, 0.8, 0.75, 0.55), *longer],
        [],
        Amount(1000, 250, 2),
    )
    in_time, own = (part for part in text.splitlines() if part.startswith("| sst2"))
    assert "| 75.0, 55.0 | 417 (80.0) | 70.0, 60.0 | 250 (80.0) | +5.0, -5.0 | +0.0 |" in in_time
    assert "| 80.0, 70.0 | 632 (90.0) |" in own and "| +10.0, +10.0 | +10.0 |" in own
    assert "- Mean of all (1): +10.00" in text


def test_where_full_fine_tuning_learned_nothing_there_is_no_mean() -> None:
    text = report(
        [*cells("full", 250, 0.5, 0.0, collapsed=True), *cells("bitfit", 417, 0.8, 0.9)], [], Amount(1000, 250, 1)
    )
    assert text.count("full learned nothing") == 2 and "Mean" not in text


def test_the_committed_tables_are_those_of_the_committed_cells() -> None:
    recipe = results_of("recipe") / CELLS
    for folder, default, seeds in (("paper", recipe, 3), ("paper-large", None, 1)):
        results = results_of("methods") / folder
        text = report(CellFile(results / CELLS).cells, default_runs(default), Amount(1000, 250, seeds))
        assert (results / "par.md").read_text(encoding="utf-8") == text
