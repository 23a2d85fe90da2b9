"""The vectors that all implementations share are what the Python runtime gives. See tests/vectors/README.md."""

import hashlib
import json
import random
import unicodedata
from collections import Counter
from importlib.metadata import version
from typing import Any

import numpy as np
import pytest
import tokenizers

from bitfit_runtime import Base, Engine, Row
from bitfit_runtime.canary import check_canary
from bitfit_runtime.errors import PackFormatError
from bitfit_runtime.formats import parse_pack
from bitfit_runtime.tokenizer import Tokenizer
from vectors.answering import answer_document
from vectors.make import VECTORS, document, read
from vectors.malformed import Refusal, malformed_cases
from vectors.packs import OVERFLOWING, tensors
from vectors.recipes import text_of
from vectors.tables import CHARACTERS, Table, combining_classes
from vectors.tokens import codepoints
from vectors.wordpiece import Reader, WordPiece

DEFLATED = ("codes-", "bomb-", "stream-")
NAMES = ("uncased", "cased", "added")


def tokenizer_file(name: str) -> str:
    return (VECTORS / "tokenizers" / f"{name}.json").read_text(encoding="utf-8")


@pytest.mark.parametrize("uncased", [True, False])
def test_tables_are_what_is_read_off_the_library(uncased: bool) -> None:
    made_with = read("tokens")["made_with"]
    if (made_with["tokenizers"], made_with["unicode"]) != (version("tokenizers"), unicodedata.unidata_version):
        pytest.skip("read off another version of the library, or of Unicode")
    data = Table(uncased).path.read_bytes()
    assert data == Table(uncased).data()
    assert len(data) <= 18_000


def test_tokens_are_those_of_the_runtime() -> None:
    own = {name: Tokenizer(tokenizers.Tokenizer.from_str(tokenizer_file(name))) for name in NAMES}
    for case in read("tokens")["cases"]:
        text = text_of(case["text"])
        (found,) = own[case["tokenizer"]].tokenize([(text, case["pair"])], [case["max_length"]])
        assert found.ids.tolist() == case["ids"], case["text"]
        assert found.type_ids.tolist() == case["type_ids"]
        assert found.offsets.tolist() == case["offsets"]
        assert [[side.start, side.stop] for side in found.sides] == case["sides"]
        assert list(found.cut) == case["cut"]
        assert [list(word) for word in found.words(text)] == case["words"]


def test_every_character_has_its_tokens_and_kind() -> None:
    expected = read("codepoints")
    found = codepoints()
    assert found["tokenizers"] == expected["tokenizers"]
    if unicodedata.unidata_version == expected["made_with"]["unicode"]:
        assert found["kinds"] == expected["kinds"]


@pytest.mark.parametrize("name", NAMES)
def test_a_port_by_table_gives_the_tokens_of_the_library(name: str) -> None:
    document = json.loads(tokenizer_file(name))
    library = tokenizers.Tokenizer.from_str(tokenizer_file(name))
    port = WordPiece(document, Reader.of(Table(name != "cased").path))
    rng, marks = random.Random(name), list(combining_classes())
    sources: tuple[Any, ...] = (marks, marks, CHARACTERS, range(32, 127), range(0xC0, 0x250), range(0x1D15E, 0x1D180))
    for _ in range(3000):
        text = "".join(chr(rng.choice(rng.choice(sources))) for _ in range(rng.randrange(1, 24)))
        expected = library.encode(text, add_special_tokens=False)
        assert [piece.id for piece in port.tokens(text)] == expected.ids, ascii(text)
        assert [(piece.start, piece.end) for piece in port.tokens(text)] == expected.offsets, ascii(text)


@pytest.mark.parametrize("name", ["tokens", "windows", "joins", "answers", "unsupported"])
def test_the_generator_gives_what_is_checked_in(name: str) -> None:
    expected = read(name)
    found = json.loads(document(name))
    assert len(found["cases"]) == len(expected["cases"])
    for one, other in zip(found["cases"], expected["cases"], strict=True):
        assert one.keys() == other.keys()
        for key, value in other.items():
            close(one[key], value, other.get("tolerance", 0))


def close(found: Any, expected: Any, tolerance: float) -> None:
    """Equal, but for numbers of floating point, which are close."""
    if isinstance(expected, float):
        assert found == pytest.approx(expected, rel=tolerance, abs=tolerance)
    elif isinstance(expected, dict):
        assert found.keys() == expected.keys()
        for key, value in expected.items():
            close(found[key], value, tolerance)
    elif isinstance(expected, list):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            close(one, other, tolerance)
    else:
        assert found == expected


def test_packs_decode_and_answer_as_in_the_vectors() -> None:
    vectors = read("packs")
    base = Base.open(VECTORS / vectors["base"])
    engine = Engine(base, threads=1, self_test="full")
    assert base.manifest.digest == vectors["digest"]
    for case in vectors["cases"]:
        data = (VECTORS / case["file"]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == case["sha256"]
        pack = parse_pack(data)
        close(tensors(pack, base), case["tensors"], 1e-6)
        engine.install(case["name"], pack)
        check_canary(engine, pack)
        rows = [Row(row["text"], case["name"], row["pair"]) for row in case["rows"]]
        values = engine.logits(rows) if pack.has_head else list(engine.embed(rows))
        expected = [np.array(row["values"], np.float32).reshape(row["shape"]) for row in case["rows"]]
        one, other = (np.concatenate([part.ravel() for part in parts]) for parts in (values, expected))
        assert np.linalg.norm(one - other) <= vectors["bound"] * np.linalg.norm(other)
        if engine.kernel_fingerprint == vectors["kernels"]:
            assert one.tobytes() == other.tobytes()
            for answer, row in zip(engine.predict(rows), case["rows"], strict=True):
                close(answer_document(answer), row["answer"], 1e-9)


def test_numbers_that_are_not_finite_are_no_answer() -> None:
    engine = Engine(Base.open(VECTORS / "base"), threads=1)
    engine.install("task", parse_pack(OVERFLOWING.read_bytes()))
    assert not np.isfinite(engine.logits("Where is the lamp?", "task")[0]).all()
    with pytest.raises(PackFormatError, match=r"pack 'overflowing' gives a number that is not finite, .* train it"):
        engine.predict("Where is the lamp?", task="task")


def test_what_is_malformed_is_refused() -> None:
    refusal, cases = Refusal(), read("malformed")["cases"]
    for case in cases:
        assert type(refusal.of(case)).__name__ == case["error"], case["name"]
    counts = Counter(case["of"] for case in cases)
    assert counts["pack"] >= 40 and counts["manifest"] >= 15
    assert len({(case["of"], case["name"]) for case in cases}) == len(cases)


def test_malformed_vectors_are_what_the_generator_gives() -> None:
    found = {case["name"]: case for case in malformed_cases()["cases"] if case["of"] == "pack"}
    for case in read("malformed")["cases"]:
        if case["of"] == "pack" and not case["name"].startswith(DEFLATED):  # zlib may deflate otherwise elsewhere
            assert found[case["name"]] == case
