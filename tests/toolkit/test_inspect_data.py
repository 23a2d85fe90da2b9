"""`bitfit inspect FILE` shows how examples are read, what they hold and what would be cut."""

import json
from pathlib import Path
from typing import Any

import pytest

from bitfit_runtime import Base
from bitfit_toolkit import TrainOptions, train
from bitfit_toolkit.errors import TrainingError
from support.command_line import bitfit
from support.examples import rows_of


def facts(path: Path, *arguments: object, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    code, out, err = bitfit("inspect", path, *arguments, "--json", capsys=capsys)
    assert code == 0, err
    found: dict[str, Any] = json.loads(out)
    code, out, err = bitfit("inspect", path, *arguments, capsys=capsys)
    assert code == 0 and "rows" in out, err
    return found


def test_a_table_is_shown_as_it_is_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id;Text;Label\n1;good;pos\n2;good;pos \n3;;neg\n")
    found = facts(path, capsys=capsys)
    assert (found["format"], found["encoding"], found["separator"]) == ("CSV", "utf-8", "semicolon")
    assert (found["rows"], found["columns"], found["unused_columns"]) == (3, {"text": "Text", "label": "Label"}, ["id"])
    assert (found["labels"], found["empty_texts"], found["repeated_texts"]) == ({"pos": 2, "neg": 1}, 1, 1)
    assert found["characters"] == {"least": 0, "median": 4, "most": 4}
    assert "white space" in found["notes"][0]
    path.write_bytes("text\ncaf\xe9\n".encode("latin-1"))
    assert facts(path, "--text-encoding", "latin-1", capsys=capsys)["labelled"] is False
    code, _, err = bitfit("inspect", path, capsys=capsys)
    assert code == 3 and "--text-encoding" in err and err.count("\n") == 1


def test_what_would_be_cut_is_counted(base: Base, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.jsonl"
    rows = [
        {"question": "zz", "context": "aa " * 20 + "zzz", "answers": "zzz"},
        {"question": "zz", "context": "zzz aa", "answers": "zzz"},
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = facts(path, "--type", "span", "--base", base.folder, "--max-length", 16, capsys=capsys)
    assert found["cut"] == {"max_length": 16, "texts": 1, "labels": 2, "labels_lost": 1}
    assert found["tokens"]["most"] > 16 >= found["tokens"]["least"]


def test_windows_of_longer_texts_are_counted_and_what_they_leave(
    base: Base, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,label\n" + "".join(f"{'a ' * words},{words % 2}\n" for words in (5, 14, 40, 41)))
    asked = ("--base", base.folder, "--max-length", 16)
    windowed = (*asked, "--windows", "auto", "--window-overlap", 4)  # of 14 tokens, each 10 after the one before
    assert "windows" not in facts(path, *asked, capsys=capsys)
    found = facts(path, *windowed, capsys=capsys)
    assert found["windows"] == {"join": "maximum", "overlap": 4, "texts": 2, "windows": 8, "most": 4}
    assert found["cut"] == {"max_windows": 32, "texts": 0}
    found = facts(path, *windowed, "--max-windows", 3, capsys=capsys)
    assert (found["windows"]["windows"], found["cut"]) == (6, {"max_windows": 3, "texts": 2})
    options = TrainOptions(windows="auto", max_length=16, window_overlap=4, max_windows=3, max_steps=1)
    assert train(base, path, path, tmp_path / "p", options).cut["train"].cut == 2
    for wrong, message in (
        (("--windows", "offsets"), "--windows of a classification task should be one of none, auto, mean"),
        (("--max-windows", 3), "--max-windows needs --windows"),
    ):
        code, _, err = bitfit("inspect", path, *asked, *wrong, capsys=capsys)
        assert code == 7 and message in err and err.count("\n") == 1


def test_a_span_beyond_the_windows_is_counted_as_lost(
    base: Base, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.jsonl"
    rows = [{"question": "zz", "context": "a " * words + "zzz", "answers": "zzz"} for words in (2, 20, 60)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    windowed = ("--type", "span", "--base", base.folder, "--max-length", 16, "--windows", "auto", "--max-windows", 3)
    found = facts(path, *windowed, capsys=capsys)
    assert found["windows"]["join"] == "offsets" and found["windows"]["texts"] == 2
    assert found["cut"] == {"max_windows": 3, "texts": 1, "labels": 3, "labels_lost": 1}


def test_training_counts_what_it_cuts_and_refuses_to_learn_from_nothing(base: Base, tmp_path: Path) -> None:
    rows = rows_of("span")[:8]
    far = [{**row, "context": "aa " * 60 + row["context"]} for row in rows]
    for row in far:
        row["answers"] = {"text": ["zzz"], "answer_start": [row["context"].index("zzz")]}
    options = TrainOptions(task_type="span", max_length=32, max_steps=1, encoding="float32")
    with pytest.raises(TrainingError, match="every one of 8 labels lies beyond max_length 32"):
        train(base, far, rows, tmp_path / "p", options)
    assert not (tmp_path / "p").exists()
    report = train(base, [*rows, *far[:2]], rows, tmp_path / "p", options)
    cut = report.cut["train"]
    assert (cut.examples, cut.cut, cut.parts, cut.lost) == (10, 2, 10, 2)
    assert report.cut["evaluation"].cut == 0
    said = "2 of 10 (20.0%), 2 of 10 labels lost, of the training examples are cut at max_length 32; raise it"
    assert said in report.notes
    assert report.as_dict()["cut"]["train"]["lost"] == 2
