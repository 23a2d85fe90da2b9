"""Long runs stop at any time, go on where they stopped, and keep what they found."""

import json
import time
from pathlib import Path

import pytest

from security.fuzz.long_run import go_on


class PanicException(BaseException):
    """As panics of Rust code are seen."""


def test_a_run_that_was_stopped_goes_on_with_the_next_input(tmp_path: Path) -> None:
    path, tried, stops = tmp_path / "new" / "run.json", list[int](), [3]

    def attempt(seed: int) -> str:
        if seed in stops:
            stops.remove(seed)
            raise KeyboardInterrupt
        tried.append(seed)
        return "odd" if seed % 2 else "even"

    with pytest.raises(KeyboardInterrupt):
        go_on(attempt, path, 6)
    assert tried == [0, 1, 2]
    progress = go_on(attempt, path, 6)
    assert tried == [0, 1, 2, 3, 4, 5]
    assert progress.outcomes == {"even": 3, "odd": 3} and progress.findings == []
    assert go_on(attempt, path, 6).next_seed == 6 and len(tried) == 6
    assert go_on(attempt, path, 7).next_seed == 7


def test_a_run_ends_at_its_deadline(tmp_path: Path) -> None:
    assert go_on(lambda seed: "x", tmp_path / "run.json", 1 << 60, time.monotonic() + 0.1).next_seed > 0


@pytest.mark.parametrize("planted", [KeyError("x"), AssertionError("y"), PanicException("z"), SystemExit(3)])
def test_what_is_raised_is_found_and_the_run_goes_on(tmp_path: Path, planted: BaseException) -> None:
    def attempt(seed: int) -> str:
        if seed == 1:
            raise planted
        return "accepted"

    progress = go_on(attempt, tmp_path / "run.json", 3)
    assert progress.outcomes == {"accepted": 2, "found": 1}
    [finding] = json.loads((tmp_path / "run.json").read_bytes())["findings"]
    assert finding.startswith("seed 1: ") and repr(planted).partition("(")[0] in finding
