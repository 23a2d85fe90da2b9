"""A sample of large numbers in model folders, and proof that one that takes memory is found."""

import sys
from pathlib import Path

import pytest

from bitfit_exporters import model_config

if sys.platform != "linux":
    pytest.skip("peaks of memory are read from /proc", allow_module_level=True)

from security.fuzz import large_numbers
from security.fuzz.large_numbers import Numbers

CONFIG = "config.json"


@pytest.mark.parametrize(("family", "value"), [("bert", 1_000_000_000), ("modernbert", 1_000_000)])
def test_no_number_of_a_configuration_takes_memory(tmp_path: Path, family: str, value: int) -> None:
    model = Numbers(family, tmp_path)
    places = [place for file, place in model.places() if file == CONFIG]
    found = {place: model.try_value(CONFIG, place, value) for place in places}
    assert {place: outcome for place, outcome in found.items() if not outcome.sound} == {}
    assert len(found) > 30 and {outcome.what for outcome in found.values()} == {"accepted", "refused"}


def test_a_number_that_takes_memory_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = Numbers("bert", tmp_path)
    monkeypatch.setattr(model_config, "MOST_LABELS", 1 << 40)
    monkeypatch.setattr(large_numbers, "MOST_MEGABYTES", 30)
    assert not model.try_value(CONFIG, ("num_labels",), 200_000).sound
