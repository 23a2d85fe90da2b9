"""Files of rows, streamed: what `load_examples` reads of a file is what bulk answers see of it."""

import gzip
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from bitfit_toolkit import load_examples
from bitfit_toolkit.bulk import BulkOptions
from bitfit_toolkit.bulk.reading import Asked, Item, Unanswered, read_part
from bitfit_toolkit.errors import DataError

OPTIONS = BulkOptions(tasks=("t",))


def items(path: Path, content: str | bytes, options: BulkOptions = OPTIONS) -> list[Item]:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return [item for chunk in read_part(path, str(path), options, {"t"}) for item in chunk]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.tsv", 'id\ttext\n1\t"Great movie\n2\tBad one\n3\t"Ok\n4\tfine\n'),
        ("a.csv", "text;id\na, b;1\nc;2\n"),
        ("a.csv", "sep=;\n\n text ;id\na, b;1\n"),
        ("a.csv", 'text,id\n"a ""b""\nc",1\n'),
        ("a.csv", f"text,id\n{'x' * 300_000},1\n"),
        ("a.csv", "text,id\na,1\n".encode("utf-16")),
        ("a.jsonl", '{"text": "a\u2028b"}\r{"text": "c"}\r'.encode("utf-8-sig")),
        ("a.csv.gz", gzip.compress(b"text,id\na,1\n", mtime=0)),
    ],
)
def test_bulk_answers_see_the_texts_that_training_reads(tmp_path: Path, name: str, content: str | bytes) -> None:
    found = [item.text for item in items(tmp_path / name, content) if isinstance(item, Asked)]
    assert found == [example.text for example in load_examples(tmp_path / name, need_label=False)] != []


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.csv", 'text,id\n"a,1\nb,2\n', "line 2 cannot be read as CSV"),
        ("a.csv", "text,id\ncaf\xe9,1\n".encode("latin-1"), "text_encoding"),
        ("a.csv", "", "empty"),
    ],
)
def test_a_part_that_training_refuses_is_refused(tmp_path: Path, name: str, content: str | bytes, says: str) -> None:
    with pytest.raises(DataError, match=says):
        items(tmp_path / name, content)
    with pytest.raises(DataError):
        load_examples(tmp_path / name, need_label=False)


@pytest.mark.parametrize(("name", "header"), [("a.csv.gz", b"text\n"), ("a.jsonl.gz", b"")])
def test_an_altered_gzip_is_an_error_of_its_part(tmp_path: Path, name: str, header: bytes) -> None:
    whole = gzip.compress(header + b'{"text": "some words that are compressed"}\n' * 50, mtime=0)
    for cut in (whole[:-9], whole[:12] + b"\xff" * 8 + whole[20:]):
        with pytest.raises(DataError, match="cannot be read"):
            items(tmp_path / name, cut)


def test_a_column_that_the_first_line_lacks_is_never_lost_silently(tmp_path: Path) -> None:
    lines = (
        '{"text": "a", "id": 1}',
        '{"text": "q", "text_pair": "c"}',
        '{"text": "b", "text_pair": null, "note": "of no role"}',
        '{"sentence": "s"}',
        '{"text": "d", "text": "e"}',
    )
    found = items(tmp_path / "a.jsonl", "\n".join(lines))
    assert [item.text for item in found if isinstance(item, Asked)] == ["a", "b"]
    aside = {item.number: item.reason for item in found if isinstance(item, Unanswered)}
    assert aside == {
        1: "column 'text_pair' is not in the first line, which decides about columns; write it there, as null",
        3: "the text is missing",
        4: "the line is not a JSON object",
    }
    given = items(tmp_path / "a.jsonl", '{"text": "a", "text_pair": null}\n{"text": "q", "text_pair": "c"}\n')
    assert [(item.text, item.text_pair) for item in given if isinstance(item, Asked)] == [("a", None), ("q", "c")]


def test_a_late_column_that_looks_like_the_chosen_one_is_not_read_for_it(tmp_path: Path) -> None:
    one, other = items(tmp_path / "a.jsonl", '{"Text": "a"}\n{"Text": "b", "TEXT": "c"}\n')
    assert isinstance(one, Asked) and isinstance(other, Unanswered) and "'TEXT' and 'Text'" in other.reason


@pytest.mark.parametrize("options", [OPTIONS, BulkOptions(tasks=("t",), text_column="text")])
def test_a_column_that_is_chosen_and_stands_twice_is_refused(tmp_path: Path, options: BulkOptions) -> None:
    with pytest.raises(DataError, match="two columns named 'text'; rename one"):
        items(tmp_path / "a.csv", "text,id,text\na,1,b\n", options)
    parquet.write_table(pa.table([["a"], ["b"]], names=["text", "text"]), tmp_path / "a.parquet")
    with pytest.raises(DataError, match="two columns named 'text'; rename one"):
        items(tmp_path / "a.parquet", (tmp_path / "a.parquet").read_bytes(), options)
