"""Entities and answers in the forms that people have, against the places that are right."""

import json
from pathlib import Path
from typing import Any

import datasets
import pytest

from bitfit_toolkit import load_examples
from bitfit_toolkit.data import read_examples
from bitfit_toolkit.errors import DataError
from bitfit_toolkit.tasks import Mark

WORDS = ["Ann", "Lee", "lives", "in", "Oslo"]
TEXT = "Ann Lee lives in Oslo"
ANN, OSLO = Mark("PER", 0, 7), Mark("LOC", 17, 21)


def entities(rows: list[dict[str, Any]]) -> list[Any]:
    return [example.label for example in load_examples(rows, task_type="token-classification")]


@pytest.mark.parametrize(
    "tags",
    [
        "B-PER I-PER O O B-LOC",
        "I-PER I-PER O O I-LOC",
        "B-PER E-PER O O S-LOC",
        "B-PER L-PER O O U-LOC",
        "B-PER E-PER O O W-LOC",
        "B_PER I_PER O O B_LOC",
        "b-PER i-PER O O b-LOC",
        "PER-B PER-I O O LOC-B",
        "PER PER O O LOC",
    ],
)
def test_every_scheme_of_tags_means_the_same_entities(tags: str) -> None:
    assert entities([{"tokens": WORDS, "tags": tags.split()}]) == [(ANN, OSLO)]
    assert entities([{"tokens": TEXT, "tags": tags}]) == [(ANN, OSLO)]


def test_neighbours_are_parted_where_their_tags_part_them() -> None:
    assert (
        entities([{"tokens": ["Ann", "Bob"], "tags": tags} for tags in (["B-P", "B-P"], ["S-P", "S-P"])])
        == [(Mark("P", 0, 3), Mark("P", 4, 7))] * 2
    )
    assert entities([{"tokens": ["Ann", "Lee", "Bob"], "tags": ["B-P", "E-P", "I-P"]}]) == [
        (Mark("P", 0, 7), Mark("P", 8, 11))
    ]
    assert entities([{"tokens": ["Ann", "Lee"], "tags": ["B-P", "I-Q"]}]) == [(Mark("P", 0, 3), Mark("Q", 4, 7))]


def test_the_scheme_is_that_of_the_whole_table_and_is_said() -> None:
    rows = [{"tokens": ["Ann"], "tags": ["person-actor"]}, {"tokens": ["x"], "tags": ["O"]}]
    reading = read_examples(rows, task_type="token-classification")
    assert reading.examples[0].label == (Mark("person-actor", 0, 3),)
    assert "bare names" in reading.notes[0]
    with pytest.raises(DataError, match="a tag should be O, B-NAME"):
        entities([{"tokens": ["a"], "tags": ["B-X"]}, {"tokens": ["a"], "tags": ["X"]}])


@pytest.mark.parametrize(
    ("tags", "says"),
    [
        (["B-", "O"], "found 'B-'"),
        (["B", "O"], "found 'B'"),
        (["0", "0"], "found '0'"),
        (["PER", "o"], "found 'o'"),
        ([1, 0], "a number without a name"),
        ([None, "O"], "found None"),
        (["O"], "as many tags as words, found 2 and 1"),
    ],
)
def test_tags_without_a_name_are_refused(tags: list[Any], says: str) -> None:
    with pytest.raises(DataError, match=says):
        entities([{"tokens": ["Ann", "x"], "tags": tags}])


def test_white_space_of_words_and_names_is_no_part_of_an_entity() -> None:
    assert entities([{"tokens": ["Ann ", "\u00a0Lee"], "tags": ["B-PER ", "I-PER"]}]) == [(ANN,)]


@pytest.mark.parametrize(
    "row",
    [
        {"text": TEXT, "entities": [{"start": 0, "end": 7, "label": "PER"}, {"start": 17, "end": 21, "label": "LOC"}]},
        {"text": TEXT, "label": [[17, 21, "LOC"], [0, 7, "PER"]]},
        {"text": TEXT, "entities": [{"id": 1, "start_offset": 0, "end_offset": 7, "label": "PER"}, [16, 21, "LOC"]]},
        {"text": TEXT, "spans": [{"start": 0, "end": 8, "label": "PER"}, {"start": 17, "end": 21, "label": "LOC "}]},
        {"text": TEXT, "label": [{"start": 0, "end": 7, "labels": ["PER"], "text": "Ann Lee"}, [17, 21, "LOC"]]},
        {"text": TEXT, "label": {"entities": [(0, 7, "PER"), (17, 21, "LOC")]}},
        {
            "text": TEXT,
            "label": str([{"start": 0, "end": 7, "label": "PER"}, {"start": 17, "end": 21, "label": "LOC"}]),
        },
        {"tokens": str(WORDS), "tags": "['B-PER', 'I-PER', 'O', 'O', 'B-LOC']"},
        {"tokens": "['Ann' 'Lee' 'lives' 'in'\n 'Oslo']", "tags": "['B-PER' 'I-PER' 'O' 'O' 'B-LOC']"},
        {"tokens": json.dumps(WORDS), "tags": '["B-PER", "I-PER", "O", "O", "B-LOC"]'},
    ],
)
def test_spans_of_characters_and_lists_in_cells_are_read(row: dict[str, Any]) -> None:
    assert entities([row, {**row, **{key: row[key] for key in row}}]) == [(ANN, OSLO)] * 2
    assert load_examples([row], task_type="token-classification")[0].text == TEXT


def test_a_text_without_entities_has_none() -> None:
    assert entities([{"text": "a b", "entities": []}, {"text": "a b", "entities": [[0, 1, "X"]]}])[0] == ()


@pytest.mark.parametrize(
    ("spans", "says"),
    [
        ([[0, 99, "PER"]], "is not in a text of 21 characters"),
        ([[7, 0, "PER"]], "is not in a text"),
        ([[7, 8, "PER"]], "white space alone"),
        ([[0, 7, "PER"], [4, 21, "LOC"]], "overlap"),
        ([[0, 7]], "should have start, end and label"),
        ([["0", "7", "PER"]], "should have start, end and label"),
        ([[0, 7, None]], "should have start, end and label"),
        ([{"start": 1, "end": 8, "label": "PER", "text": "Ann Lee"}], "fix its offsets"),
    ],
)
def test_spans_that_are_none_are_refused(spans: list[Any], says: str) -> None:
    with pytest.raises(DataError, match=says):
        entities([{"text": TEXT, "entities": spans}])


def test_conll_files_are_read_with_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("-DOCSTART- -X- O O\n\n# id 1\nAnn NN x B-PER\nLee NN x I-PER\n\n# NN x O\nOslo NN x B-LOC\n")
    found = load_examples(path, task_type="token-classification")
    assert [(e.text, e.label) for e in found] == [("Ann Lee", (ANN,)), ("# Oslo", (Mark("LOC", 2, 6),))]
    path.write_text("Ann B-PER\nLee\n")
    with pytest.raises(DataError, match="line 2 should have 2 columns"):
        load_examples(path, task_type="token-classification")
    with pytest.raises(DataError, match="should end in"):
        load_examples(path)


def test_numbers_of_tags_in_parquet_come_by_their_names(tmp_path: Path) -> None:
    names = datasets.ClassLabel(names=["O", "B-PER", "I-PER", "B-LOC"])
    features = datasets.Features({"tokens": datasets.List(datasets.Value("string")), "ner_tags": datasets.List(names)})
    data = datasets.Dataset.from_dict({"tokens": [WORDS], "ner_tags": [[1, 2, 0, 0, 3]]}, features)
    data.to_parquet(tmp_path / "a.parquet")
    found = load_examples(tmp_path / "a.parquet", task_type="token-classification")
    assert [(e.text, e.label) for e in found] == [(TEXT, (ANN, OSLO))]


@pytest.mark.parametrize(
    ("answers", "place"),
    [
        ({"text": ["Ann"], "answer_start": [4]}, (4, 7)),
        ([{"text": "Ann", "answer_start": 4}], (4, 7)),
        ("Ann", (0, 3)),
        (["Ann"], (0, 3)),
        ({"text": [" Ann"], "answer_start": [3]}, (4, 7)),
        ("{'text': ['Ann'], 'answer_start': [4]}", (4, 7)),
    ],
)
def test_answers_are_read_in_the_forms_of_squad(answers: Any, place: tuple[int, int]) -> None:
    row = {"question": "who?", "context": "Ann Ann came", "answers": answers}
    assert load_examples([row], task_type="span")[0].label == (Mark("answer", *place),)


def test_unanswerable_questions_are_counted(tmp_path: Path) -> None:
    rows = [{"question": "who?", "context": "Ann came", "answers": answers} for answers in ("Ann", None, "")]
    with pytest.raises(DataError, match=r"example 2: no answer is given.*leave such rows out, 2 of 3"):
        load_examples(rows, task_type="span")
    document = {"data": [{"paragraphs": [{"context": "Ann came", "qas": [{"question": "q", "answers": []}]}]}]}
    (tmp_path / "a.json").write_text(json.dumps(document))
    with pytest.raises(DataError, match="no answer is given"):
        load_examples(tmp_path / "a.json", task_type="span")
    wrong = {"question": "who?", "context": "yesterday Ann came", "answers": {"text": ["Ann"], "answer_start": [9]}}
    with pytest.raises(DataError, match="is not in the context at 9, it is at 10"):
        load_examples([wrong], task_type="span")
