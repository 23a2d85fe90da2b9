"""A base is its graph and its tokenizer: packs name both."""

import json
import logging
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bitfit_runtime import Base, Engine, read_pack, write_pack
from bitfit_runtime.errors import PackMismatchError
from bitfit_runtime.formats import file_digest, parse_pack, serialize
from support.packs import random_pack

FROZEN = Path(__file__).parents[1] / "data" / "frozen"


def with_another_tokenizer(base: Base, folder: Path) -> Base:
    """The same graph beside a tokenizer that keeps capital letters, listed in the manifest as it should be."""
    shutil.copytree(base.folder, folder)
    path = folder / "tokenizer.json"
    tokenizer = json.loads(path.read_text())
    tokenizer["normalizer"]["lowercase"] = False
    path.write_text(json.dumps(tokenizer))
    manifest = json.loads((folder / "bitfit.json").read_text())
    manifest["files"]["tokenizer.json"] = file_digest(path)
    (folder / "bitfit.json").write_text(json.dumps(manifest))
    return Base.open(folder)


def test_a_pack_of_the_same_graph_with_another_tokenizer_is_refused(base: Base, tmp_path: Path) -> None:
    other = with_another_tokenizer(base, tmp_path / "other")
    assert other.manifest.digest == base.manifest.digest
    path = write_pack(random_pack(base), tmp_path / "pack")
    Engine(base, threads=1).install("mood", path)
    with pytest.raises(PackMismatchError, match=r"another tokenizer \(sha256:.*train it on this base"):
        Engine(other, threads=1).install("mood", path)


def test_the_digest_in_a_pack_is_that_of_the_base_s_tokenizer(base: Base) -> None:
    pack = parse_pack(serialize(random_pack(base)))
    assert pack.info.tokenizer == f"sha256:{file_digest(base.tokenizer_path)}"


def test_packs_that_name_no_tokenizer_are_used_with_one_warning(
    base: Base, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    engine = Engine(with_another_tokenizer(base, tmp_path / "other"), threads=1)
    pack = random_pack(base)
    old = replace(pack, info=replace(pack.info, tokenizer=None))
    assert b"tokenizer" not in serialize(old)
    with caplog.at_level(logging.WARNING, "bitfit_runtime"):
        engine.fork().install("tried", old)
        for name in ("mood", "spam"):
            engine.install(name, old)
    [record] = caplog.records
    assert "'tried' does not name the tokenizer" in record.getMessage() and "\n" not in record.getMessage()
    assert np.isfinite(engine.logits("a good day", "mood")[0]).all()


def test_frozen_packs_are_old_ones(caplog: pytest.LogCaptureFixture) -> None:
    path = next(iter(sorted((FROZEN / "packs-fp32").iterdir())))
    assert read_pack(path).info.tokenizer is None
    engine = Engine(FROZEN / "base-fp32", threads=1)
    engine.install("mood", path)
    assert len(caplog.records) == 1
