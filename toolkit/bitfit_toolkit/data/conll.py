"""Text files with a word and its tag on each line, and a blank line between sentences."""

from pathlib import Path

from bitfit_toolkit.data.table import Rows, Table
from bitfit_toolkit.data.text_encoding import find_encoding, open_text
from bitfit_toolkit.errors import DataError

DOCUMENT = "-DOCSTART-"


def read_conll(path: Path, text_encoding: str | None = None) -> Table:
    """Read words from the first column and tags from the last. Raises DataError, naming the line."""
    encoding = find_encoding(path, text_encoding)
    rows = Rows()
    words: list[str] = []
    tags: list[str] = []
    begin, width = 0, 0

    def finish() -> None:
        if words:
            rows.add({"tokens": words[:], "tags": tags[:]}, begin)
            words.clear()
            tags.clear()

    with open_text(path, encoding) as stream:
        for number, line in enumerate(stream, 1):
            cells = line.split("\t") if "\t" in line else line.split()
            cells = [cell.strip() for cell in cells]
            if not any(cells) or cells[0] == DOCUMENT:
                finish()
                continue
            if not words and line.startswith("#") and len(cells) != width and not _is_tag(cells[-1]):
                continue  # a comment before a sentence
            width = width or len(cells)
            if len(cells) < 2 or len(cells) != width:
                raise DataError(
                    f"{path}, line {number} should have {max(2, width)} columns, a word first and its tag last, "
                    f"found {len(cells)}; fix that line"
                )
            begin = begin if words else number
            words.append(cells[0])
            tags.append(cells[-1])
    finish()
    return rows.table(str(path), {"format": "CoNLL", "encoding": encoding}, lines=True)


def _is_tag(cell: str) -> bool:
    return cell == "O" or cell[1:2] == "-"
