"""Whatever a tokenizer's library raises is an error of the base: bare exceptions, panics of its Rust code."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bitfit_runtime import Base, Engine, Row
from bitfit_runtime.errors import BaseFormatError, InputError
from bitfit_runtime.formats import file_digest
from bitfit_runtime.tokenizer import Tokenizer

SEQUENCE = {"Sequence": {"id": "A", "type_id": 0}}
PARTS: dict[str, Any] = {
    "a special token that has no id": [SEQUENCE, {"SpecialToken": {"id": "[none]", "type_id": 0}}],
    "the second of one text": [{"Sequence": {"id": "B", "type_id": 1}}],
    "a type that no model has": [{"SpecialToken": {"id": "[SEP]", "type_id": 256}}, SEQUENCE],
}
NAMES = {"[SEP]": {"id": "[SEP]", "ids": [3], "tokens": ["[SEP]"]}}
FIXED = {"type": "FixedLength", "length": 0}


def altered(base: Base, folder: Path, **parts: Any) -> Base:
    """A base with another tokenizer that its manifest lists as it should."""
    shutil.copytree(base.folder, folder)
    path = folder / "tokenizer.json"
    document = json.loads(path.read_text())
    path.write_text(
        json.dumps({**document, **{name: {**(document[name] or {}), **part} for name, part in parts.items()}})
    )
    manifest = json.loads((folder / "bitfit.json").read_text())
    manifest["files"]["tokenizer.json"] = file_digest(path)
    (folder / "bitfit.json").write_text(json.dumps(manifest))
    return Base.open(folder)


@pytest.mark.parametrize("single", PARTS.values(), ids=list(PARTS))
def test_a_template_that_panics_or_fits_no_model_is_refused(base: Base, tmp_path: Path, single: list[Any]) -> None:
    template = {"type": "TemplateProcessing", "single": single, "pair": single, "special_tokens": NAMES}
    broken = altered(base, tmp_path / "base", post_processor=template)
    with pytest.raises(BaseFormatError, match=r"tokenizer\.json is not a tokenizer file \(.+\); export the base again"):
        Engine(broken, threads=1, self_test="off")


def test_a_tokenizer_that_fails_on_a_text_alone_is_refused_then(base: Base, tmp_path: Path) -> None:
    engine = Engine(altered(base, tmp_path / "base", model={"unk_token": "[none]"}), threads=1, self_test="off")
    engine.embed("a")
    with pytest.raises(BaseFormatError, match=r"the base's tokenizer fails on a text \(.*UNK.*\); export"):
        engine.embed("a ✗")
    assert engine.embed("a").shape == (1, 64)


def test_a_text_without_any_token_is_refused_as_that(base: Base, tmp_path: Path) -> None:
    pair = [SEQUENCE, {"Sequence": {"id": "B", "type_id": 1}}]
    bare = {"type": "TemplateProcessing", "single": [SEQUENCE], "pair": pair, "special_tokens": {}}
    engine = Engine(altered(base, tmp_path / "base", post_processor=bare), threads=1, self_test="off")
    for texts in ("", ["a", ""], [" \t"], Row("", text_pair="")):
        for ask in (engine.embed, engine.hidden_states):
            with pytest.raises(InputError, match="a text has no token, not even a special one"):
                ask(texts)
    assert np.isfinite(engine.embed(["a", Row("", text_pair="a")])).all()


def test_a_panic_on_a_text_is_refused_too(base: Base, tmp_path: Path) -> None:
    tokenizer = Tokenizer.from_file(altered(base, tmp_path / "base", pre_tokenizer=FIXED).tokenizer_path)
    with pytest.raises(BaseFormatError, match=r"the base's tokenizer fails on a text \(.+\); export"):
        tokenizer.tokenize([("a", None)], [8])


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, MemoryError])
def test_what_is_no_failure_of_the_tokenizer_passes(
    base: Base, kind: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Raising:
        def __getattr__(self, name: str) -> Any:
            raise kind

    tokenizer = Tokenizer.from_file(base.tokenizer_path)
    monkeypatch.setattr(tokenizer, "_tokenizer", Raising())
    with pytest.raises(kind):
        tokenizer.tokenize([("a", None)], [8])

    monkeypatch.setattr("bitfit_runtime.tokenizer.tokenizers.Tokenizer", Raising())
    with pytest.raises(kind):
        Tokenizer.from_file(base.tokenizer_path)
