"""Sentences of tables that hold a word and its tag a row, as tagged texts are often kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bitfit_toolkit.data.columns import Columns
from bitfit_toolkit.data.table import Column, Table
from bitfit_toolkit.errors import DataError

WORDS, TAGS = ("word", "token"), ("tag", "ner", "ner_tag")
SENTENCES = ("sentence #", "sentence_id", "sentence id", "sentence_number", "sentence_idx", "sent_id", "sentence")
DOCUMENTS = ("document_id", "doc_id", "document", "doc")  # in each of which sentences may be numbered anew
MANY_WORDS = 10  # texts of one word that are no coincidence
Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sentences:
    """A table with a sentence a row, its columns, and the columns that told the sentences."""

    table: Table
    columns: Columns
    told_by: tuple[str, ...]

    @property
    def note(self) -> str:
        """How they were read."""
        named = " and ".join(map(repr, self.told_by))
        return f"{self.table.where}: rows of a word each were read as {len(self.table):,} sentences by column {named}"


def find_sentences(
    table: Table, usual: Mapping[str, tuple[str, ...]], columns: Columns, need_label: bool = True
) -> Sentences | None:
    """Return the sentences of a table that holds a word a row, None where it holds something else.

    `usual` are the names of columns of texts and labels. Rows of a sentence follow each other; one that does not name
    its sentence goes on with that of the row before. Raises DataError where a sentence begins twice, and where nothing
    tells sentences: each word would be learned without the others of its own.
    """
    asked = columns.sentence is not None
    words = columns.text or _present(table, (*usual["text"], *WORDS))
    tags = (columns.label or _present(table, (*usual["label"], *TAGS))) if need_label else None
    told_by = _asked(table, columns.sentence) if columns.sentence is not None else _usual(table, (words, tags))
    if not asked:
        if not _are_words(table, words) or not _are_words(table, tags):
            return None
        if not told_by and columns.text is None and (len(table) >= MANY_WORDS or _plain(words or "") in WORDS):
            raise DataError(
                f"{table.where} holds a word a row in column {words!r}, and no column that numbers sentences; name one "
                "with sentence_column, or put the words and tags of each sentence into lists in one row"
            )
        if not told_by:
            return None
    chosen = [_needed(table, "text", words), *([_needed(table, "label", tags)] if need_label else [])]
    return Sentences(_joined(table, chosen, told_by), replace(columns, text=words, label=tags), told_by)


def _asked(table: Table, given: object) -> tuple[str, ...]:
    names = tuple(part.strip() for part in given.split(",")) if isinstance(given, str) else ()
    if isinstance(given, str) and given in table.names:
        names = (given,)
    if not names or not all(name in table.names for name in names):
        raise DataError(
            f"{table.where} has no column {given!r} (found: {', '.join(table.names)}); name the column that "
            "numbers sentences in sentence_column"
        )
    return names


def _usual(table: Table, others: Sequence[str | None]) -> tuple[str, ...]:
    """Return the column that numbers sentences, behind that which numbers documents; none without the former."""
    found = _present(table, SENTENCES)
    if found is None or found in others:
        return ()
    document = _present(table, DOCUMENTS)
    return (found,) if document is None or document in others else (document, found)


def _present(table: Table, names: Sequence[str]) -> str | None:
    shown = {_plain(name): name for name in table.names}
    return next((shown[name] for name in names if name in shown), None)


def _plain(name: str) -> str:
    return name.strip().lower()


def _needed(table: Table, role: str, name: str | None) -> str:
    if name is None or name not in table.names:
        missing = f"no {role} column" if name is None else f"no column {name!r}"
        raise DataError(f"{table.where} has {missing} (found: {', '.join(table.names)}); name it with {role}_column")
    return name


def _are_words(table: Table, name: str | None) -> bool:
    """Whether every cell of a column is a word. A text of a language without spaces has spans or a list of tags."""
    return name in table.names and all(_is_word(value) for value in table.values(str(name)))


def _is_word(value: object) -> bool:
    return value is None or (isinstance(value, str) and len(value.split()) <= 1 and value.strip()[:1] not in ("[", "{"))


def _joined(table: Table, names: Sequence[str], told_by: Sequence[str]) -> Table:
    """Return a table of lists, a sentence a row, that has the columns `names`, of words and of tags."""
    columns = [list(table.values(name)) for name in names]
    sentences: list[list[list[object]]] = []
    first: list[int] = []
    begun: Key | None = None
    for row, key in enumerate(_keys(table, told_by)):
        cells = [column[row] for column in columns]
        if all(map(_is_blank, cells)):
            continue
        for name, cell in zip(names, cells, strict=True):
            if _is_blank(cell):
                raise DataError(f"{table.place(row)}: {name} is missing; fix that row")
        if key != begun:
            begun = key
            first.append(row)
            sentences.append([[] for _ in names])
        for cell, gathered in zip(cells, sentences[-1], strict=True):
            gathered.append(cell)
    lines = None if table.lines is None else [table.lines[row] for row in first]
    joined = [Column(name, [sentence[i] for sentence in sentences]) for i, name in enumerate(names)]
    return Table(table.where, tuple(joined), lines, table.facts)


def _keys(table: Table, told_by: Sequence[str]) -> list[Key]:
    """Return which sentence each row belongs to. Raises DataError where one begins a second time."""
    before: Key = ("",) * len(told_by)
    seen: set[Key] = set()
    keys: list[Key] = []
    for row, cells in enumerate(zip(*(table.values(name) for name in told_by), strict=True)):
        key = tuple(last if _is_blank(cell) else str(cell).strip() for cell, last in zip(cells, before, strict=True))
        if "" in key:
            raise DataError(f"{table.place(row)}: {told_by[key.index('')]} is missing; number the first sentence")
        if key != before and key in seen:
            raise DataError(
                f"{table.place(row)}: sentence {', '.join(key)} begins again; keep its rows together, or number each "
                "sentence once (of several documents sentence_column takes both columns, joined by a comma)"
            )
        seen.add(key)
        keys.append(key)
        before = key
    return keys


def _is_blank(cell: object) -> bool:
    return cell is None or (isinstance(cell, str) and not cell.strip())
