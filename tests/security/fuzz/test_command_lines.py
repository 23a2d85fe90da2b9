"""A sample of the command lines that `make fuzz` calls at length, and what it found."""

from itertools import islice
from pathlib import Path

import pytest

from bitfit_runtime import Base
from security.fuzz.command_lines import call, call_really, check, command_lines, prepare


@pytest.fixture
def folder(base: Base, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    prepare(tmp_path, base)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BITFIT_KEY_PASSPHRASE", "a passphrase")
    return tmp_path


@pytest.mark.parametrize("seed", range(3))
def test_command_lines_leave_with_a_documented_code_and_one_line(folder: Path, seed: int) -> None:
    for drawn in islice(command_lines(seed), 40):
        check(drawn, *call(drawn))


def test_real_commands_do_too(folder: Path) -> None:
    drawn = [line for line in islice(command_lines(7), 60) if line[0] in ("predict", "inspect", "publish", "update")]
    for line in drawn[:4]:
        check(line, *call_really(line))


@pytest.mark.parametrize("planted", [KeyError("x"), RuntimeError("y"), ZeroDivisionError()])
def test_a_fault_that_is_planted_for_trial_is_found(
    folder: Path, monkeypatch: pytest.MonkeyPatch, planted: Exception
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise planted

    monkeypatch.setattr("bitfit_runtime.formats.base.parse_manifest", broken)
    line = ["inspect", "base"]
    with pytest.raises(AssertionError, match="left with 70"):
        check(line, *call(line))
