"""Files as people have them are read as they are, or refused in one line that says where and what to do."""

import gzip
import json
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pytest
from pyarrow import parquet

from bitfit_toolkit import Columns, Example, load_examples
from bitfit_toolkit.data import read_examples
from bitfit_toolkit.errors import DataError

GOOD_BAD = [("good", "pos"), ("bad", "neg")]


def read(path: Path, content: bytes | str, task_type: str = "classification", **columns: Any) -> list[tuple[str, Any]]:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return [(e.text, e.label) for e in load_examples(path, Columns(**columns), task_type=task_type)]


def refusal(path: Path, content: bytes | str, task_type: str = "classification", **columns: Any) -> str:
    with pytest.raises(DataError) as error:
        read(path, content, task_type, **columns)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "text;label\ngood;pos\nbad;neg\n"),
        ("a.csv", "text\tlabel\ngood\tpos\nbad\tneg\n"),
        ("a.csv", "sep=;\ntext;label\ngood;pos\nbad;neg\n"),
        ("a.tsv", "text,label\ngood,pos\nbad,neg\n"),
        ("a.CSV", "text,label\ngood,pos\nbad,neg\n"),
        ("a.csv", "Text,Label\ngood,pos\nbad,neg\n"),
        ("a.csv", "text, label\r\ngood,pos\r\n\r\nbad,neg\r\n"),
        ("a.csv", "text,label\rgood,pos\rbad,neg\r"),
        ("a.csv", ",text,label\n0,good,pos\n1,bad,neg\n"),
        ("a.csv", "\n\ntext,label\ngood,pos\nbad,neg\n"),
        ("a.csv", "\ufefftext,label\ngood,pos\nbad,neg\n"),
        ("a.csv", "text,label\ngood,pos\nbad,neg\n".encode("utf-16")),
        ("a.csv", "\ufefftext,label\ngood,pos\nbad,neg\n".encode("utf-16-be")),
        ("a.csv", "text,label\ngood,pos\nbad,neg\n".encode("utf-32")),
        ("a.csv.gz", gzip.compress(b"text,label\ngood,pos\nbad,neg\n", mtime=0)),
        ("a.csv", gzip.compress(b"text,label\ngood,pos\nbad,neg\n", mtime=0)),
        ("a.jsonl", '{"text": "good", "label": "pos"}\n\n{"text": "bad", "label": "neg"}'),
        ("a.jsonl", '[{"text": "good", "label": "pos"},\n {"text": "bad", "label": "neg"}]'),
        ("a.json", '[{"text": "good", "label": "pos"}, {"text": "bad", "label": "neg"}]'),
        ("a.json", '{"text": "good", "label": "pos"}\n{"text": "bad", "label": "neg"}\n'),
        ("a.json", '{"text": ["good", "bad"], "label": ["pos", "neg"]}'),
        ("a.json", '{\n "text": {"0": "good", "1": "bad"},\n "label": {"0": "pos", "1": "neg"}\n}'),
        ("a.json", '{"version": 1, "data": [{"text": "good", "label": "pos"}, {"text": "bad", "label": "neg"}]}'),
        ("a.jsonl", '{"text": "good", "label": "pos"}\r{"text": "bad", "label": "neg"}\r'),
        ("a.csv", "text,good,pos,neg\ngood,x,1,0\nbad,y,0,1\n"),
    ],
)
def test_a_table_is_read_in_the_form_that_it_has(tmp_path: Path, name: str, content: str | bytes) -> None:
    assert read(tmp_path / name, content) == GOOD_BAD


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.csv", "\ntext,label\n0123,01\n0456,1\n", [("0123", "01"), ("0456", "1")]),
        ("a.csv", "text,label\nnull,NA\nNone,nan\n", [("null", "NA"), ("None", "nan")]),
        ("a.csv", "text,label\n,x\n true ,1e3\n", [("", "x"), (" true ", "1e3")]),
        ("a.csv", 'text,label\n"a ""b""\nc",01\n', [('a "b"\nc', "01")]),
        ("a.csv", f"text,label\n{'x' * 300_000},y\n", [("x" * 300_000, "y")]),
        (
            "a.jsonl",
            '{"text": "2024-01-05", "label": "2024-02-06 10:00:00"}\n{"text": "1", "label": "true"}\n',
            [("2024-01-05", "2024-02-06 10:00:00"), ("1", "true")],
        ),
        ("a.jsonl", '{"text": "a", "label": 1}\n{"text": "b", "label": "01"}\n', [("a", "1"), ("b", "01")]),
        ("a.jsonl", json.dumps({"text": "x" * 2_000_000, "label": "y"}), [("x" * 2_000_000, "y")]),
        ("a.jsonl", '{"text": "a\u2028b", "label": "c\u0085d"}\n', [("a\u2028b", "c\u0085d")]),
    ],
)
def test_strings_stay_strings(tmp_path: Path, name: str, content: str, expected: list[tuple[str, str]]) -> None:
    assert read(tmp_path / name, content) == expected


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.csv", "text,label\ncaf\xe9,pos\n".encode("latin-1"), "line 2 is not UTF-8 (byte 0xe9)"),
        ("a.jsonl", b'{"text": "a", "label": "b"}\n{"text": "\xe9", "label": "b"}\n', "line 2 is not UTF-8"),
        ("a.csv", "text,label\ngood,pos\n".encode("utf-16-le"), "probably utf-16-le"),
        ("a.csv", b"PK\x03\x04rest", "Excel"),
        ("a.csv", b"PAR1rest", "name it .parquet"),
        ("a.csv", b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "git lfs pull"),
        ("a.csv.gz", gzip.compress(b"text,label\ngood,pos\n", mtime=0)[:-9], "cannot be read"),
        ("a.csv", "text,text,label\na,b,c\n", "2 columns named 'text'; rename"),
        ("a.csv", "Text,TEXT,label\na,b,c\n", "has columns 'TEXT' and 'Text'; rename"),
        ("a.csv", 'text,label\n"a\nb",c\nd,e,f\n', "line 4 has 3 cells where the header has 2; quote"),
        ("a.csv", 'text,label\na,"b\nc,d\n', "line 2 cannot be read as CSV (unexpected end of data)"),
        ("a.csv", "good,pos\nbad,neg\n", "the first line should name the columns"),
        ("a.csv", "text,a,b\nx,1,0\ny,1,1\n", "line 3: one of the columns a, b should hold 1, found 2"),
        ("a.csv", "text,a,b\nx,1,0\ny,-1,0\n", "column 'a' holds 0, 1 and cells that are neither"),
        ("a.jsonl", '{"text": "a", "label": "b"},\n{"text": "a", "label": "b"}\n', "line 1 is not one JSON object"),
        ("a.jsonl", '{"text": "a", "label": "b"}\n\n{"text": \n', "line 3 is not one JSON object"),
        ("a.jsonl", '{"text": "a", "label": "b", "label": "c"}\n', "line 1 is not JSON ('label' occurs twice)"),
        ("a.jsonl", '{"text": "a", "label": "b"}\n[1]\n', "line 2 should be a JSON object, found list"),
        ("a.jsonl", '{"text": "a", "label": NaN}\n', "line 1: the label is missing"),
        ("a.jsonl", '{"text": "a", "label": Infinity}\n', "should be a string, found float"),
        ("a.jsonl", '{"text": "a", "label": " \u200b"}\n', "line 1: the label is missing"),
        ("a.jsonl", '{"text": "a", "label": {"b": 1}}\n', "should be a string, found dict"),
        ("a.jsonl", '{"text": "a", "label": "b"}\n{"label": "b"}\n', "line 2: the text is missing"),
        ("a.jsonl", '{"text": "\\ud800", "label": "b"}\n', "not valid Unicode"),
        ("a.jsonl", "[" * 100_000, "line 1 is not JSON"),
        ("a.json", '{"text": ["a"], "label": ["b", "c"]}', "equally many rows, found text 1, label 2"),
        ("a.jsonl", '{"text": "a", "label": "e\u0301"}\n{"text": "a", "label": "\xe9"}\n', "look the same"),
        ("a.jsonl", '{"text": "a", "label": "a  b"}\n{"text": "a", "label": "a b"}\n', "look the same"),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_line(tmp_path: Path, name: str, content: str | bytes, says: str) -> None:
    assert says in refusal(tmp_path / name, content)


def test_other_encodings_are_read_by_name(tmp_path: Path) -> None:
    content = "text,label\n“caf\xe9”,pos\n".encode("cp1252")
    assert read(tmp_path / "a.csv", content, text_encoding="cp1252") == [("“café”", "pos")]
    assert "give another text_encoding" in refusal(tmp_path / "a.csv", content, text_encoding="ascii")
    for unknown in ("no", "rot13", "base64"):
        assert "is unknown" in refusal(tmp_path / "a.csv", content, text_encoding=unknown)


def test_labels_that_differ_in_white_space_alone_become_one_and_it_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "a.csv"
    assert read(path, "text,label\na,pos\nb,pos \nc,\u00a0pos\n") == [("a", "pos"), ("b", "pos"), ("c", "pos")]
    assert [record.message for record in caplog.records] == [
        f"{path}: white space around labels was stripped, 2 times, first of 'pos '"
    ]
    assert [e.label for e in load_examples([Example("a", label="x "), Example("b", label="x")])] == ["x", "x"]


def test_what_is_missing_in_examples_is_refused_too() -> None:
    for wrong in (None, float("nan"), b"x"):
        with pytest.raises(DataError, match="example 2: the label is missing"):
            load_examples([Example("a", label="x"), Example("b", label=wrong)])  # type: ignore[arg-type]
    with pytest.raises(DataError, match="example 1: text should be a string, found int"):
        load_examples([Example(3, label="x")])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("a|b", ("a", "b")),
        ("\"['a', 'b']\"", ("a", "b")),
        ("['a' 'b']", ("a", "b")),
        ('"[""a"", ""b c""]"', ("a", "b c")),
        ("[]", ()),
        ("", ()),
        ("a b", ("a b",)),
    ],
)
def test_labels_of_a_cell_are_those_that_it_lists(tmp_path: Path, content: str, expected: tuple[str, ...]) -> None:
    assert read(tmp_path / "a.csv", f"text,label\nx,{content}\n", "multi-label") == [("x", expected)]


def test_a_cell_that_only_looks_like_a_list_is_refused(tmp_path: Path) -> None:
    assert "a|b or ['a', 'b']" in refusal(tmp_path / "a.csv", 'text,label\nx,"[a, b]"\n', "multi-label")
    assert "the label is missing" in refusal(tmp_path / "a.jsonl", '{"text": "x", "label": ["a", null]}', "multi-label")
    assert "found list" in refusal(tmp_path / "a.jsonl", '{"text": "x", "label": [["a"]]}', "multi-label")


def test_columns_of_0_and_1_are_labels(tmp_path: Path) -> None:
    content = "id,text,a,b\n7,x,1,0\n8,y,1,1\n9,z,0,0\n"
    expected = [("x", ("a",)), ("y", ("a", "b")), ("z", ())]
    assert read(tmp_path / "a.csv", content, "multi-label") == expected
    assert read(tmp_path / "a.csv", content, "multi-label", label="a,b") == expected
    assert "columns a, b of 0 and 1" in read_examples(tmp_path / "a.csv", task_type="multi-label").notes[0]


def test_labels_named_in_a_table_without_a_text_column_are_refused(tmp_path: Path) -> None:
    assert "has no text column" in refusal(tmp_path / "a.csv", "body,a,b\nx,1,0\n", "multi-label", label="a,b")


@pytest.mark.parametrize(
    ("header", "given"),
    [
        ("text,context", {"label": "context"}),
        ("text,sentence2", {"label": "sentence2"}),
        ("question1,Question2", {"label": "Question2"}),
        ("sentence,text", {"label": "text"}),
        ("text,label,task", {"label": "task"}),
    ],
)
def test_a_column_that_is_named_for_a_role_has_no_other(tmp_path: Path, header: str, given: dict[str, str]) -> None:
    (tmp_path / "a.csv").write_text(f"{header}\n{','.join(header.split(','))}\n")
    (example,) = load_examples(tmp_path / "a.csv", Columns(**given))
    assert example == Example(header.split(",")[0], None, given["label"])


def test_a_second_text_and_a_task_are_no_part_of_a_list_of_labels(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,context,task\nx,1,0\n")
    for need_label, label in ((True, ("context",)), (False, None)):
        found = load_examples(tmp_path / "a.csv", Columns(label="context,task"), need_label, "multi-label")
        assert found == [Example("x", None, label)]
    (tmp_path / "b.csv").write_text("text,sentence,label\nc,q,l\n")
    assert load_examples(tmp_path / "b.csv", Columns(text_pair="text")) == [Example("q", "c", "l")]


@pytest.mark.parametrize("label", ["1,5", "1_000", "nan", "inf", "1e400", "1e39", "x", ""])
def test_a_number_is_one_that_training_can_hold(tmp_path: Path, label: str) -> None:
    assert "should be a number" in refusal(tmp_path / "a.csv", f'text,label\nx,"{label}"\n', "regression")


def test_missing_values_and_odd_types_of_parquet_are_never_words(tmp_path: Path) -> None:
    for values, says in (
        ([1.0, float("nan")], "example 2: the label is missing"),
        ([b"x", b"y"], "found bytes"),
        ([["x"], ["y"]], "found list"),
        ([{"x": 1}, {"x": 2}], "found dict"),
    ):
        parquet.write_table(pa.table({"text": ["a", "b"], "label": values}), tmp_path / "a.parquet")
        with pytest.raises(DataError, match=says):
            load_examples(tmp_path / "a.parquet")


def test_classes_of_parquet_and_of_a_saved_data_set_come_by_their_names(tmp_path: Path) -> None:
    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["neg", "pos"])})
    data = datasets.Dataset.from_dict({"text": ["good", "bad"], "label": [1, 0]}, features)
    expected = [Example("good", label="pos"), Example("bad", label="neg")]
    data.to_parquet(tmp_path / "a.parquet")
    assert load_examples(tmp_path / "a.parquet") == expected
    data.save_to_disk(tmp_path / "saved")
    assert load_examples(tmp_path / "saved") == expected
    datasets.DatasetDict({"train": data}).save_to_disk(tmp_path / "splits")
    assert load_examples(tmp_path / "splits" / "train") == expected
    with pytest.raises(DataError, match="holds the splits train; name one"):
        load_examples(tmp_path / "splits")
    with pytest.raises(DataError, match="is a folder"):
        load_examples(tmp_path)
    with pytest.raises(DataError, match="choose one, such as data\\['train'\\]"):
        load_examples(datasets.DatasetDict({"train": data}))


def test_a_saved_data_set_whose_offsets_lead_out_of_its_memory_is_refused(tmp_path: Path) -> None:
    datasets.Dataset.from_dict({"text": ["good", "bad"], "label": ["a", "b"]}).save_to_disk(tmp_path / "saved")
    [path] = (tmp_path / "saved").glob("*.arrow")
    offsets = b"".join(number.to_bytes(4, "little") for number in (0, 4, 7))
    assert path.read_bytes().count(offsets) == 1
    path.write_bytes(path.read_bytes().replace(offsets, offsets[:4] + (1 << 30).to_bytes(4, "little") + offsets[8:]))
    with pytest.raises(DataError, match=r"saved cannot be read \(.+\); write it again"):
        read_examples(tmp_path / "saved")


def test_a_saved_data_set_that_is_nested_too_deeply_is_refused(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text("[" * 100_000)
    with pytest.raises(DataError, match="cannot be read as a saved data set"):
        read_examples(tmp_path)


def test_texts_of_a_language_without_spaces_are_no_words(tmp_path: Path) -> None:
    row = json.dumps({"text": "東京に行く", "entities": [{"start": 0, "end": 2, "label": "LOC"}]})
    (tmp_path / "a.jsonl").write_text((row + "\n") * 12)
    assert len(read_examples(tmp_path / "a.jsonl", task_type="token-classification").examples) == 12
    (tmp_path / "b.csv").write_text("text\n" + "東京\n" * 12)
    assert len(read_examples(tmp_path / "b.csv", need_label=False, task_type="token-classification").examples) == 12


def test_rows_without_labels_need_texts_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"tokens": ["Ann", "Lee"]}\n{"tokens": ["x"]}\n')
    assert [e.text for e in load_examples(path, need_label=False)] == ["Ann Lee", "x"]
    path.write_text('{"text": [{"start": 0}]}\n')
    with pytest.raises(DataError, match="line 1: text should be a string, found list"):
        load_examples(path, need_label=False)
    (tmp_path / "a.csv").write_text("text,label,label\na,b,c\n")
    assert [e.text for e in load_examples(tmp_path / "a.csv", need_label=False)] == ["a"]
