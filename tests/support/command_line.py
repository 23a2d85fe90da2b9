"""The command line, called in this process."""

import csv
from pathlib import Path

import pytest

from bitfit_toolkit.cli.app import run

ROWS = [("aaa aa", "first"), ("a aaaa", "first"), ("zzz zz", "second"), ("z zzzz", "second")] * 4


def write_csv(path: Path, rows: list[tuple[str, str]], header: tuple[str, ...] = ("text", "label")) -> Path:
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows([header, *rows])
    return path


def bitfit(*arguments: object, capsys: pytest.CaptureFixture[str], program: str = "bitfit") -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as left:
        run([str(a) for a in arguments], program)
    captured = capsys.readouterr()
    return int(left.value.code or 0), captured.out, captured.err
