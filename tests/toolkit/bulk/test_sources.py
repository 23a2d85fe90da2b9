"""Files of rows, streamed: what `load_examples` reads of a file is what bulk answers see of it."""

import gzip
from pathlib import Path

import pytest

from bitfit_toolkit import load_examples
from bitfit_toolkit.bulk import BulkOptions
from bitfit_toolkit.bulk.reading import Asked, Item, read_part
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
