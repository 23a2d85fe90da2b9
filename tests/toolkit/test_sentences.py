"""Tables of entities with a word and its tag a row: sentences are what a column numbers, never guessed."""

from pathlib import Path

import pytest

from bitfit_toolkit.data import Columns, Reading, read_examples
from bitfit_toolkit.errors import DataError
from bitfit_toolkit.tasks import Mark
from support.command_line import bitfit

TASK = "token-classification"
ANN = ("Ann Lee came", (Mark("PER", 0, 7),))
HERE = ("to Oslo", (Mark("LOC", 3, 7),))
KAGGLE = """Sentence #,Word,POS,Tag
Sentence: 1,Ann,NNP,B-per
,Lee,NNP,I-per
,came,VB,O
Sentence: 2,to,TO,O
,Oslo,NNP,B-geo
"""


def read(folder: Path, content: str, columns: Columns | None = None, need_label: bool = True) -> Reading:
    path = folder / "a.csv"
    path.write_text(content)
    return read_examples(path, columns, need_label, TASK)


def examples(reading: Reading) -> list[tuple[str, object]]:
    return [(example.text, example.label) for example in reading.examples]


def table(*rows: str, header: str = "sentence_id,word,tag") -> str:
    return "\n".join((header, *rows)) + "\n"


def test_cells_that_are_empty_go_on_with_the_sentence_above(tmp_path: Path) -> None:
    found = read(tmp_path, KAGGLE)
    assert examples(found) == [
        ("Ann Lee came", (Mark("per", 0, 7),)),
        ("to Oslo", (Mark("geo", 3, 7),)),
    ]
    assert found.roles == {"text": "Word", "label": "Tag", "sentence": "Sentence #"} and found.unused == ("POS",)
    assert found.notes == (
        f"{tmp_path / 'a.csv'}: rows of a word each were read as 2 sentences by column 'Sentence #'",
    )


ROWS = ("7,Ann,B-PER", "7,Lee,I-PER", "7,came,O", "3,to,O", "3,Oslo,B-LOC")


@pytest.mark.parametrize(
    ("header", "columns"),
    [
        ("sentence_id,word,tag", None),
        ("SENT_ID,Token,NER_Tags", None),
        ("sentence,words,labels", None),
        ("n,word,tag", Columns(sentence="n")),
        ("n,w,t", Columns("w", label="t", sentence="n")),
        ("a,b,tag", Columns("b", sentence="a")),
    ],
)
def test_sentences_are_what_a_column_numbers(tmp_path: Path, header: str, columns: Columns | None) -> None:
    assert examples(read(tmp_path, table(*ROWS, header=header), columns)) == [ANN, HERE]


def test_rows_without_a_word_are_no_words_and_may_begin_a_sentence(tmp_path: Path) -> None:
    rows = ("1,,", ",Ann,B-PER", ",Lee,I-PER", ",came,O", ",,", "2,,", ",to,O", ",Oslo,B-LOC")
    assert examples(read(tmp_path, table(*rows))) == [ANN, HERE]


@pytest.mark.parametrize("columns", [None, Columns(sentence="doc,sent_id"), Columns(sentence="doc, sent_id")])
def test_sentences_that_documents_number_anew_are_told_apart(tmp_path: Path, columns: Columns | None) -> None:
    rows = ("a,0,Ann,B-PER", "a,0,Lee,I-PER", "a,0,came,O", "b,0,to,O", "b,0,Oslo,B-LOC")
    assert examples(read(tmp_path, table(*rows, header="doc,sent_id,word,tag"), columns)) == [ANN, HERE]


def test_data_in_memory_may_number_its_sentences_too() -> None:
    data = {
        "sent_id": [1, 1, 1, 2, 2],
        "word": ["Ann", "Lee", "came", "to", "Oslo"],
        "tag": ["B-PER", "I-PER", "O", "O", "B-LOC"],
    }
    assert examples(read_examples(data, task_type=TASK)) == [ANN, HERE]


def test_words_without_tags_can_be_asked_for(tmp_path: Path) -> None:
    content = table("1,Ann", "1,came", "2,Oslo", header="n,word")
    found = read(tmp_path, content, Columns(sentence="n"), need_label=False)
    assert examples(found) == [("Ann came", None), ("Oslo", None)]


@pytest.mark.parametrize(
    ("content", "columns", "message"),
    [
        (table("Ann,B-PER", header="token,tag"), None, "holds a word a row in column 'token', and no column that numb"),
        (table(*["Ann,B-PER"] * 10, header="words,labels"), None, r"name one with sentence_column, or put the words"),
        (table(*ROWS, "7,too,O"), None, r"line 7: sentence 7 begins again; keep its rows together, or number each"),
        (table(",Ann,B-PER"), None, "line 2: sentence_id is missing; number the first sentence"),
        (table("1,Ann,"), None, "line 2: tag is missing; fix that row"),
        (table("1,,B-PER"), None, "line 2: word is missing; fix that row"),
        (table(*ROWS), Columns(sentence="n"), r"has no column 'n' \(found: sentence_id, word, tag\)"),
        (table(*ROWS), Columns(sentence="sentence_id,n"), "has no column 'sentence_id,n'"),
        (table("1,Ann,PER", header="n,w,tag"), Columns(sentence="n"), "has no text column .*name it with text_column"),
        (table("1,Ann,PER", header="n,word,t"), Columns(sentence="n"), "no label column .*name it with label_column"),
        (table(*ROWS), Columns(label="t", sentence="sentence_id"), r"has no column 't' \(found.*with label_column"),
    ],
)
def test_what_is_not_told_is_refused(tmp_path: Path, content: str, columns: Columns | None, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(tmp_path, content, columns)


def test_another_task_type_has_no_sentences(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(table(*ROWS))
    with pytest.raises(DataError, match="sentence_column joins rows of words for token-classification, the task type"):
        read_examples(tmp_path / "a.csv", Columns(sentence="sentence_id"))


def test_few_texts_of_one_word_are_texts(tmp_path: Path) -> None:
    assert len(read(tmp_path, "text,tags\nAnn,B-PER\ncame,O\n").examples) == 2


def test_the_command_line_names_its_option(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.csv"
    path.write_text(table(*ROWS, header="n,word,tag"))
    code, out, error = bitfit("inspect", path, "--type", TASK, capsys=capsys)
    assert code == 3 and "name one with --sentence-column" in error
    code, out, error = bitfit("inspect", path, "--type", TASK, "--sentence-column", "n", capsys=capsys)
    assert code == 0 and "rows of a word each were read as 2 sentences" in " ".join(out.split())
