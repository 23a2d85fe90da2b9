"""The suite that runs under QEMU: it tells rows that feel their company, on a stand-in for such a processor."""

from dataclasses import replace
from pathlib import Path

import pytest

from arm.guest import count_equal, drawn, every, load
from arm.run import FROZEN, Ledger
from bitfit_runtime.padding import Padding
from support.widths import WidthSensitive, let_widths_be_multiples_of

PACKS = sorted((FROZEN / "packs-int8").glob("*-int4.safetensors"))


def test_rows_that_feel_their_company_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    let_widths_be_multiples_of(monkeypatch, 4)
    engine, _ = load(FROZEN / "base-int8", PACKS)
    engine._session = WidthSensitive(engine._session)
    lists = drawn(60)
    assert count_equal(engine, lists) == 60
    engine._padding = Padding(1, engine.base.manifest.max_length)
    rows = [(length, company.longest) for company in lists for length in company.lengths]
    same_bits = sum(length == longest or (length % 4 == 0 and longest % 4 == 0) for length, longest in rows)
    assert count_equal(engine, lists) == same_bits < 30


def test_every_combination_is_tried_once_and_others_are_drawn_alike_everywhere() -> None:
    combinations = [(length, company.longest) for company in every() for length in company.lengths]
    assert len(combinations) == len(set(combinations)) == 1550
    assert drawn(60) == drawn(60) and sum(len(company.lengths) for company in drawn(60)) == 60


def test_a_second_run_goes_on_where_the_first_stopped_unless_something_changed(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "results" / "results.jsonl", {"code": "a"})
    assert ledger.get("Nehalem") is None
    assert ledger.add("Nehalem", {"multiple": 1}) == ledger.get("Nehalem") == {"multiple": 1}
    assert ledger.get("cortex-a72") is None and replace(ledger, facts={"code": "b"}).get("Nehalem") is None
    ledger.add("Nehalem", {"multiple": 4})
    assert ledger.get("Nehalem") == {"multiple": 4}
