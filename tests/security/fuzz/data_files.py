"""Fuzzer of files of examples; `long_run.py` runs it at length.

Half of the files are written from known rows, and must be read as these; the others are altered, and must be refused in
one line, or hold the strings that a slow reader of ours finds in them.
"""

import csv
import gzip
import io
import json
import subprocess
import sys
import unicodedata
import warnings
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import pyarrow as pa
from pyarrow import parquet

from bitfit_runtime.errors import BitfitError
from bitfit_toolkit.data import Reading, read_examples
from bitfit_toolkit.tasks import TRAINABLE_TASKS
from bitfit_toolkit.tasks.base import INVISIBLE
from security.fuzz.mutations import mutate_bytes, mutate_json

STRINGS = (
    *(
        "a",
        "b c",
        "01",
        "1",
        "1.0",
        "1e3",
        "true",
        "null",
        "NA",
        "nan",
        "2024-01-05",
        "2024-02-06 10:00:00",
        "-",
        "é",
        "日本",
    ),
    *(
        'say "x"',
        "a,b",
        "a;b",
        "a\tb",
        "a|b",
        "['a', 'b']",
        "[1]",
        "{}",
        "a\nb",
        "a\r\nb",
        "x ",
        " x",
        "\u00a0x",
        "x\u200b",
    ),
    *(
        "",
        " ",
        "e\u0301",
        "A",
        "0x1F",
        "١",
        "=1+1",
        "#",
        "'",
        "\\",
        "\u2028",
        "\x00",
        "👩‍💻",
        "B-PER",
        "O",
        "inf",
        "12:30",
    ),
)
SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t", "bar": "|"}
SEEDS: tuple[tuple[str, bytes], ...] = (
    ("a.csv", b'text,label\n"good, ""x""",pos\nbad,neg\n'),
    ("a.csv", b"id;Text;Label\n1;good;01\n2;bad;1\n"),
    ("a.csv", "text,label\ngut é,ja\n".encode("utf-16")),
    ("a.csv", b"text,a,b\ngood,1,0\nbad,0,1\n"),
    ("a.csv", b"tokens,tags\n\"['Ann', 'x']\",\"['B-PER', 'O']\"\n"),
    ("a.csv", b"question,context,answers\nwho,Ann came,\"{'text': ['Ann'], 'answer_start': [0]}\"\n"),
    ("a.csv.gz", gzip.compress(b"text,label\ngood,pos\n", mtime=0)),
    ("a.tsv", b'sentence\tlabel\nhe said "no\t1\nyes\t0\n'),
    ("a.jsonl", b'{"text": "good", "label": "2024-01-05"}\n{"text": "bad", "label": 1, "text_pair": null}\n'),
    ("a.jsonl", b'{"text": "good", "label": "a", "note": "b"}\n'),
    ("a.csv", b"text,label,note\ngood,a,b\n"),
    ("a.jsonl", b'{"text": "good", "label": ["a", "b"]}\n{"text": "bad", "label": []}\n'),
    ("a.jsonl", b'{"tokens": ["Ann", "x"], "tags": ["B-PER", "O"]}\n{"tokens": ["y"], "tags": ["S-PER"]}\n'),
    ("a.jsonl", b'{"text": "Ann x", "entities": [{"start": 0, "end": 3, "label": "PER"}]}\n'),
    ("a.jsonl", b'{"question": "who", "context": "Ann came", "answers": {"text": ["Ann"], "answer_start": [0]}}\n'),
    ("a.json", b'[{"text": "good", "label": 1.5}, {"text": "bad", "label": 2}]'),
    ("a.json", b'{"text": {"0": "good", "1": "bad"}, "label": {"0": "pos", "1": "neg"}}'),
    ("a.json", b'{"data": [{"paragraphs": [{"context": "Ann", "qas": [{"question": "q", "answers": []}]}]}]}'),
    ("a.conll", b"-DOCSTART- O\n\nAnn B-PER\nLee I-PER\n\nOslo B-LOC\n"),
)


def saved_dataset() -> dict[str, bytes]:
    """Return the files of a data set as `save_to_disk` of `datasets` writes them."""
    sink = io.BytesIO()
    table = pa.table({"text": ["good", "bad"], "label": [0, 1]})
    classes = {"info": {"features": {"label": {"names": ["neg", "pos"], "_type": "ClassLabel"}}}}
    table = table.replace_schema_metadata({"huggingface": json.dumps(classes)})
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    state = {"_data_files": [{"filename": "data-00000-of-00001.arrow"}], "_split": None}
    return {"saved/data-00000-of-00001.arrow": sink.getvalue(), "saved/state.json": json.dumps(state).encode()}


SAVED = saved_dataset()
FOLDERS: tuple[tuple[str, bytes], ...] = (
    *SAVED.items(),
    ("splits/dataset_dict.json", b'{"splits": ["train", "test"]}'),
)


class BrokenError(Exception):
    """A promise was not kept."""


class Input(NamedTuple):
    """A file, and the rows (text, label) that were written into it, None where nobody knows."""

    name: str
    content: bytes
    rows: list[tuple[str, str]] | None

    def write(self, folder: Path) -> Path:
        """Write the file into a folder, and return what is to be read: of a saved data set its folder."""
        path = folder / self.name
        path.parent.mkdir(exist_ok=True)
        if self.name in SAVED:
            for name, content in SAVED.items():
                (folder / name).write_bytes(content)
        path.write_bytes(self.content)
        return path if path.parent == folder else path.parent


def fuzz_one(folder: Path, seed: int) -> bool:
    """Check the input of a seed and return whether it was accepted. Raises BrokenError."""
    random = Random(seed)
    given = written(random) if random.random() < 0.5 else altered(random)
    path = given.write(folder)
    task_type = "classification" if given.rows is not None else random.choice(list(TRAINABLE_TASKS))
    reading = read(path, task_type, need_label=given.rows is not None or random.random() < 0.9)
    if given.rows is not None:
        expected = expect(given.rows)
        found = None if reading is None else [(e.text, e.label) for e in reading.examples]
        if found != expected:
            raise BrokenError(f"{given.name}: expected {expected!r}, found {found!r}")
    elif reading is not None and task_type == "classification":
        compare(given, reading)
    return reading is not None


def read(path: Path, task_type: str, need_label: bool) -> Reading | None:
    """Return what was read, None where it was refused as it should be. Raises BrokenError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            reading = read_examples(path, task_type=task_type, need_label=need_label)
    except BitfitError as error:
        if not str(error).isprintable() or "\n" in str(error):
            raise BrokenError(f"a message of several lines: {error!r}") from error
        return None
    except Exception as error:
        raise BrokenError(f"{path.name} as {task_type}: {type(error).__name__}: {error}") from error
    for example in reading.examples:
        if not all(isinstance(text, str) for text in (example.text, example.text_pair or "")):
            raise BrokenError(f"{path.name} as {task_type}: a text that is no string in {example!r}")
    return reading


def expect(rows: list[tuple[str, str]]) -> list[tuple[str, str]] | None:
    """Return rows as they should be read; None where they should be refused."""
    labels = [label.strip(INVISIBLE) for _, label in rows]
    shown = {label: unicodedata.normalize("NFC", " ".join(label.split())) for label in labels}
    if "" in labels or len(set(shown.values())) < len(shown):
        return None
    return [(text, label) for (text, _), label in zip(rows, labels, strict=True)]


def written(random: Random) -> Input:
    """Return a file of known rows, in any format."""
    rows = [(random.choice(STRINGS), random.choice(STRINGS)) for _ in range(random.randint(1, 5))]
    kind = random.choice(("csv", "csv", "jsonl", "jsonl", "json", "columns", "parquet"))
    table = {"text": [text for text, _ in rows], "label": [label for _, label in rows]}
    if kind == "parquet":
        sink = io.BytesIO()
        parquet.write_table(pa.table(table), sink)
        return Input("a.parquet", sink.getvalue(), rows)
    name, text = f"a.{'json' if kind == 'columns' else kind}", ""
    if kind == "csv":
        separator, stream = random.choice(list(SEPARATORS.values())), io.StringIO(newline="")
        quoting = random.choice((csv.QUOTE_MINIMAL, csv.QUOTE_ALL))
        writer = csv.writer(stream, delimiter=separator, quoting=quoting, lineterminator=random.choice(("\n", "\r\n")))
        writer.writerows([("text", "label"), *rows])
        text = "\n" * random.choice((0, 0, 1)) + stream.getvalue()
    else:
        documents = [dict(zip(table, row, strict=True)) for row in rows]
        ascii_only, indent = random.random() < 0.5, random.choice((None, 1))
        if kind == "jsonl":
            text = "".join(json.dumps(row, ensure_ascii=ascii_only) + "\n" for row in documents)
        else:
            text = json.dumps(table if kind == "columns" else documents, ensure_ascii=ascii_only, indent=indent)
    content = text.encode(random.choice(("utf-8", "utf-8-sig", "utf-16", "utf-32")))
    packed = random.random() < 0.1
    return Input(name + ".gz" * packed, gzip.compress(content) if packed else content, rows)


def altered(random: Random) -> Input:
    """Return a file that was good before it was altered."""
    name, content = random.choice(SEEDS if random.random() < 0.9 else FOLDERS)
    if name.endswith(".json"):
        content = mutate_json(content, random)
    elif name.endswith(".jsonl") and random.random() < 0.7:
        lines = content.splitlines()
        which = random.randrange(len(lines))
        lines[which] = mutate_json(lines[which], random)
        content = b"\n".join(lines)
    else:
        content = mutate_bytes(content, random)
    if "/" in name:
        return Input(name, content, None)
    if b"note" in content and random.random() < 0.5:
        content = content.replace(b"note", random.choice((b"label", b"text")))  # two columns of one name
    if random.random() < 0.05:
        name = random.choice(SEEDS)[0]
    return Input(random.choice((name, name.upper())), content, None)


def compare(given: Input, reading: Reading) -> None:
    """Raise BrokenError where an accepted file does not hold the labels and texts that a slow reader finds."""
    facts, roles = reading.facts or {}, reading.roles or {}
    if facts.get("format") not in ("CSV", "JSON lines") or "," in roles.get("label", ""):
        return
    raw = gzip.decompress(given.content) if given.content[:2] == b"\x1f\x8b" else given.content
    text = raw.decode(facts["encoding"])
    rows = slow_csv(text, SEPARATORS[facts["separator"]]) if facts["format"] == "CSV" else slow_json(text)
    for role in [role for role in ("text", "label") if role in roles]:
        found = [getattr(example, role) for example in reading.examples]
        expected = [row.get(roles[role]) for row in rows]
        if role == "label":
            expected = [str(value).strip(INVISIBLE) for value in expected]
        elif roles[role].lower() in ("tokens", "words"):
            continue
        else:  # words are joined
            expected = [_joined(value) for value in expected]
        if found != expected:
            raise BrokenError(f"{given.name}: {role} expected {expected!r}, found {found!r}")


def _joined(text: Any) -> Any:
    words = isinstance(text, list) and text and all(isinstance(word, str) for word in text)
    return " ".join(text) if words else text


def slow_json(text: str) -> list[dict[str, Any]]:
    """Read an object from each line."""
    lines = [line for line in text.replace("\r", "\n").split("\n") if line.strip()]
    for line in lines:
        pairs = json.loads(line, object_pairs_hook=list)
        if len({name for name, _ in pairs}) < len(pairs):
            raise BrokenError(f"a name occurs twice in {line!r}")
    return [json.loads(line) for line in lines]


def slow_csv(text: str, separator: str) -> list[dict[str, str]]:
    """Read CSV (RFC 4180) character by character."""
    rows: list[list[str]] = [[]]
    cell, quoted, position = "", False, 0
    while position <= len(text):
        c = text[position : position + 1]
        if quoted and c == '"' and text[position + 1 : position + 2] == '"':
            cell, position = cell + c, position + 1
        elif c == '"' and (quoted or cell == ""):
            quoted = not quoted
        elif quoted and c:
            cell += c
        elif c in (separator, "\n", "\r", ""):
            rows[-1].append(cell)
            cell = ""
            if c != separator:
                rows.append([])
        else:
            cell += c
        position += 1
    lines = [row for row in rows if row not in ([], [""])]
    hint = lines and separator.join(lines[0]).lower().startswith("sep=")
    header, *others = lines[1:] if hint else lines
    return [dict(zip([name.strip() for name in header], row, strict=True)) for row in others]


class DataFiles:
    """Files of examples in a folder: half of those that are called were written from known rows."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def call(self, seed: int) -> str:
        """Read the file of a seed. Raises BrokenError."""
        return "accepted" if fuzz_one(self.folder, seed) else "refused"

    def command(self, seed: int) -> str:
        """Inspect an altered file in a process of its own. Raises BrokenError."""
        given = altered(Random(seed))
        path = given.write(self.folder)
        command = [sys.executable, "-m", "bitfit_toolkit", "inspect", str(path), "--json"]
        done = subprocess.run(command, capture_output=True, text=True)
        lines = done.stdout.count("\n") if done.returncode == 0 else done.stderr.count("\n")
        if done.returncode not in (0, 3) or lines != 1:
            raise BrokenError(f"{given.name}: exit code {done.returncode}, {lines} lines: {done.stderr[-200:]}")
        return f"exit code {done.returncode}"


open_fuzzer = DataFiles
