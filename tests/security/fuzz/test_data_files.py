"""A sample of what `make fuzz` does with files of examples, as a library and as commands; planted faults are found."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from bitfit_toolkit.data import arrow_files, delimited, files, json_files, reading
from bitfit_toolkit.tasks import base
from security.fuzz.data_files import SEEDS, BrokenError, altered, fuzz_one
from support.command_line import bitfit


def test_files_are_read_right_or_refused_in_one_line(tmp_path: Path) -> None:
    accepted = sum(fuzz_one(tmp_path, seed) for seed in range(1000))
    assert 200 < accepted < 900


def test_commands_end_with_a_documented_code_and_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for seed in range(60):
        given = altered(Random(seed))
        path = given.write(tmp_path)
        code, out, err = bitfit("inspect", path, *(("--json",) if seed % 2 else ()), capsys=capsys)
        assert code in (0, 3), (seed, err)
        assert code == 0 or (err.startswith("error: ") and err.count("\n") == 1 and not out), (seed, err)
        assert (out + err).replace("\n", "").isprintable() or "\u00a0" in out + err, seed


def test_a_command_of_its_own_process_does_too(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"text,label\na\xff,b\n")
    command = [sys.executable, "-m", "bitfit_toolkit", "inspect", str(path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (3, "", 1)


def lookup(*_: Any) -> Any:
    raise KeyError("planted")


def last_row_lost(read: Callable[..., Any]) -> Callable[..., Any]:
    def rows(*arguments: Any) -> Any:
        yield from list(read(*arguments))[:-1]

    return rows


@pytest.mark.parametrize(
    ("where", "name", "planted"),
    [
        (delimited, "_rows", last_row_lost(delimited._rows)),
        (delimited, "_shown", lambda header, usual: usual),
        (json_files, "_object", dict),
        (json_files, "_is_columns", lambda value: False),
        (json_files, "_said", lookup),
        (arrow_files, "from_arrow", lookup),
        (files, "read_saved_dataset", lookup),
        (files, "ending", lambda path: path.suffix),
        (reading, "tidy_labels", lambda where, examples: (examples, [])),
        (base.Cells, "name", lambda cells, value: str(value).lstrip("0") or "0"),
        (base.Cells, "_string", lambda cells, name, value: value),
    ],
)
def test_a_planted_fault_is_found(
    where: Any, name: str, planted: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(where, name, planted)
    if name == "_object":
        monkeypatch.setattr(json_files, "DECODER", json_files.json.JSONDecoder(object_pairs_hook=planted))
    with pytest.raises(BrokenError):
        for seed in range(3000):
            fuzz_one(tmp_path, seed)


@pytest.mark.parametrize("name", sorted(set(files.TEXT_READERS) - {".ndjson", ".txt"}))
def test_a_fault_planted_in_each_reader_is_found(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "TEXT_READERS", {**files.TEXT_READERS, name: lookup})
    assert any(seed.partition(".")[2].startswith(name[1:]) for seed, _ in SEEDS)
    with pytest.raises(BrokenError, match="KeyError"):
        for seed in range(2000):
            fuzz_one(tmp_path, seed)
