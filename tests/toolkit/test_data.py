import json
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from bitfit_toolkit import Columns, Example, load_examples
from bitfit_toolkit.errors import DataError
from bitfit_toolkit.tasks import Mark
from support.command_line import write_csv

TEXTS = {"text": ["a b", "c"], "label": ["yes", "no"]}
EXAMPLES = [Example("a b", label="yes"), Example("c", label="no")]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"", "empty"),
        ("a.csv", b"text,label\n", "no rows"),
        ("a.csv", b"text,label\na,b\nc\n", "line 3 has 1 cells where the header has 2"),
        ("a.csv", b"line,label\na,b\n", "no text column"),
        ("a.csv", b"text,kind\na,b\n", "no label column"),
        ("a.csv", b"text,label\na,\n", "label is missing"),
        ("a.csv", b"text,label\n\xff\xfe\xfa,b\n", r"line 2 is not UTF-8 \(byte 0xff\)"),
        ("a.jsonl", b'{"text": "a", "label": "b"}\n{"text": \n', "line 2 is not one JSON object"),
        ("a.jsonl", b'{"text": 3, "label": "b"}\n', "should be a string"),
        ("a.jsonl", b'{"text": "a"}\n', "no label column"),
        ("a.parquet", b"PAR1", "cannot be read"),
        ("a.txt", b"a", "should end in"),
    ],
)
def test_data_that_cannot_be_used_is_refused_with_what_to_do(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        load_examples(tmp_path / name)
    with pytest.raises(DataError, match="not found"):
        load_examples(tmp_path / "none.csv")


def test_tab_separated_files_hold_quotes_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text('sentence\tlabel\nhe said "no\t1\n"yes" they said\t0\n')
    assert load_examples(tmp_path / "a.tsv") == [
        Example('he said "no', None, "1"),
        Example('"yes" they said', None, "0"),
    ]


def test_csv_jsonl_and_parquet_hold_the_same_examples(tmp_path: Path) -> None:
    expected = [Example("1.50", "b\nc", "0"), Example('say "a"', "", "1")]
    columns = {"sentence1": [e.text for e in expected], "sentence2": [e.text_pair for e in expected], "label": [0, 1]}
    parquet.write_table(pa.table(columns), tmp_path / "a.parquet")
    lines = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    rows = [tuple(str(v) for v in line.values()) for line in lines]
    write_csv(tmp_path / "a.csv", rows, tuple(columns))  # type: ignore[arg-type]
    for suffix in ("parquet", "jsonl", "csv"):
        assert load_examples(tmp_path / f"a.{suffix}") == expected


@pytest.mark.parametrize(
    "data",
    [
        TEXTS,
        [{"text": "a b", "label": "yes"}, {"text": "c", "label": "no"}],
        pa.table(TEXTS),
        pd.DataFrame(TEXTS),
        pd.DataFrame(TEXTS, index=[7, 7]),
        datasets.Dataset.from_dict(TEXTS),
        datasets.Dataset.from_dict({"text": ["x", "a b", "c"], "label": ["?", "yes", "no"]}).select([1, 2]),
        EXAMPLES,
        tuple(EXAMPLES),
    ],
    ids=lambda data: type(data).__name__,
)
def test_data_in_memory_are_the_examples_of_a_file(data: Any) -> None:
    assert load_examples(data) == EXAMPLES


def test_classes_of_a_dataset_come_by_their_names() -> None:
    names = datasets.ClassLabel(names=["no", "yes"])
    features = datasets.Features({"text": datasets.Value("string"), "label": names})
    assert load_examples(datasets.Dataset.from_dict({"text": ["a b", "c"], "label": [1, 0]}, features)) == EXAMPLES
    tags = datasets.Features(
        {
            "tokens": datasets.List(datasets.Value("string")),
            "ner_tags": datasets.List(datasets.ClassLabel(names=["O", "B-PER", "I-PER"])),
        }
    )
    words = {"tokens": [["Ann", "Lee", "left"]], "ner_tags": [[1, 2, 0]]}
    found = load_examples(datasets.Dataset.from_dict(words, tags), task_type="token-classification")
    assert found == [Example("Ann Lee left", label=(Mark("PER", 0, 7),))]


def test_a_missing_label_in_memory_is_refused_and_never_read_as_a_word() -> None:
    hidden = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["no", "yes"])})
    for data in (
        pd.DataFrame({"text": ["a", "b"], "label": ["yes", float("nan")]}),
        {"text": ["a", "b"], "label": ["yes", None]},
        datasets.Dataset.from_dict({"text": ["a", "b"], "label": [1, -1]}, hidden),
    ):
        with pytest.raises(DataError, match="the data, example 2: the label is missing"):
            load_examples(data)


def test_columns_can_be_named_in_memory_too() -> None:
    frame = pd.DataFrame({"line": ["a b", "c"], "kind": ["yes", "no"]})
    assert load_examples(frame, Columns("line", None, "kind")) == EXAMPLES
    with pytest.raises(DataError, match=r"no label column \(found: line, kind\); name it with label_column"):
        load_examples(frame, Columns("line"))


@pytest.mark.parametrize(
    "data", [7, [("a", "yes")], [Example("a", label="b"), {"text": "c"}], {"text": ["a"], "label": []}, {"text": 3}]
)
def test_anything_else_in_memory_is_refused(data: Any) -> None:
    with pytest.raises(DataError):
        load_examples(data)


def test_missing_cells_of_columns_of_0_and_1_are_refused() -> None:
    for kind, missing in (("Int64", pd.NA), ("boolean", pd.NA), ("float64", float("nan"))):
        frame = pd.DataFrame({"text": ["x", "y"], "a": pd.array([1, missing], kind), "b": pd.array([0, 1], kind)})
        with pytest.raises(DataError, match="column 'a' holds 0, 1 and cells that are neither"):
            load_examples(frame, task_type="multi-label")
        found = load_examples(frame[:1], task_type="multi-label")
        assert [example.label for example in found] == [("a",)]


@pytest.mark.parametrize("label", (1, True, 1.5, np.int64(1)))
def test_labels_of_examples_are_names_as_those_of_tables(label: Any) -> None:
    made, table = (
        load_examples(data) for data in ([Example("a text", None, label)], [{"text": "a text", "label": label}])
    )
    assert made == table == [Example("a text", None, str(label))]
    (number,) = load_examples([Example("a text", None, 1.5)], task_type="regression")
    assert number.label == 1.5


@pytest.mark.parametrize(
    ("task_type", "label", "taken"),
    [
        ("multi-label", ["x", "y", "x"], ("x", "y")),
        ("multi-label", np.array(["x"]), ("x",)),
        ("multi-label", [], ()),
        ("token-classification", [Mark("A", 0, 1)], (Mark("A", 0, 1),)),
        ("token-classification", [], ()),
        ("span", [Mark("answer", 0, 1)], (Mark("answer", 0, 1),)),
        ("regression", np.float32(1.5), 1.5),
        ("regression", 2, 2.0),
    ],
)
def test_a_label_of_an_example_is_brought_to_the_shape_of_its_task_type(task_type: str, label: Any, taken: Any) -> None:
    (example,) = load_examples([Example("a text", "b", label, "t")], task_type=task_type)
    assert example == Example("a text", "b", taken, "t")


@pytest.mark.parametrize(
    ("task_type", "label", "says"),
    [
        ("multi-label", "x|y", "should be a tuple of strings, found 'x|y'"),
        ("multi-label", 3, "should be a tuple of strings, found 3"),
        ("multi-label", (Mark("A", 0, 1),), "should be a string, found Mark"),
        ("token-classification", "A", "should be a tuple of Mark"),
        ("token-classification", ("A",), "should be a tuple of Mark"),
        ("token-classification", [{"start": 0, "end": 1, "label": "A"}], "should be a tuple of Mark"),
        ("span", "a", "should be a tuple of Mark"),
        ("span", (), "no answer is given"),
        ("classification", ("x",), "should be a string, found list"),
        ("classification", " ", "the label is missing"),
        ("regression", "much", "should be a number, found 'much'"),
        ("embedding", (1.0,), "should be a number"),
    ],
)
def test_a_label_of_an_example_that_its_task_type_does_not_take_is_refused(
    task_type: str, label: Any, says: str
) -> None:
    with pytest.raises(DataError, match="the data, example 2: ") as error:
        good: Any = {"multi-label": ("x",), "classification": "x", "regression": 1, "embedding": 1}
        first = Example("a text", "b", good.get(task_type, (Mark("A", 0, 1),)))
        load_examples([first, Example("a text", "b", label)], task_type=task_type)
    assert says in str(error.value) and "\n" not in str(error.value)


def test_whole_and_decimal_numbers_are_never_two_labels_by_accident() -> None:
    with pytest.raises(DataError, match="example 2: labels are whole numbers in some rows and decimal ones in others"):
        load_examples([{"text": "a", "label": 1}, {"text": "b", "label": 1.0}])
    assert [e.label for e in load_examples({"text": ["a", "b"], "label": [1.0, 2.0]})] == ["1.0", "2.0"]


def test_a_name_of_a_column_is_a_string() -> None:
    with pytest.raises(DataError, match="text_column should be the name of a column, found 3"):
        load_examples({"text": ["a"], "label": ["b"]}, Columns(text=3))  # type: ignore[arg-type]
