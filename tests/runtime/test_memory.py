"""The promise of memory: a formula that a process keeps, and limits that choose the batches or are refused."""

import json
import os
import subprocess
import sys
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bitfit_runtime import Base, Engine
from bitfit_runtime.errors import InputError
from bitfit_runtime.formats import Windows
from bitfit_runtime.memory import MIB, Budget, Footprint
from bitfit_runtime.planning import WIDEST_OF_ONE_TEXT
from support.packs import random_pack

ROOT = Path(__file__).parents[2]


def resident(folder: Path, calls: int, tokens: int, limit: int, labels: int) -> dict[str, int]:
    paths = os.pathsep.join(str(ROOT / name) for name in ("runtime", "exporters", "toolkit", "tests", "benchmarks"))
    found = subprocess.run(
        [sys.executable, "-m", "support.resident", *map(str, (folder, calls, tokens, limit, labels))],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": paths},
    )
    assert found.returncode == 0, found.stderr
    bytes_of: dict[str, int] = json.loads(found.stdout)
    return bytes_of


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="resident memory is read from /proc")
@pytest.mark.parametrize(("tokens", "limit", "labels"), [(2048, 0, 300), (512, 100 * MIB, 20_000)])
def test_a_process_keeps_within_the_formula_over_mixed_calls(base: Base, tokens: int, limit: int, labels: int) -> None:
    found = resident(base.folder, 36, tokens, limit, labels)
    assert found["peak"] <= found["promised"] <= (limit or 1 << 40)
    if limit:
        assert found["promised"] < 4 * found["peak"]  # nor is the promise an empty one


def test_the_formula_counts_the_base_packs_the_cache_and_the_largest_call(base: Base) -> None:
    engine = Engine(base, threads=1, max_batch_tokens=128, pack_cache_bytes=1000)
    before = engine.memory
    assert before.pack_cache == 1000 and before.packs == 0
    assert before.base > sum((base.folder / name).stat().st_size for name in base.manifest.files)
    pack = random_pack(base, labels=900)
    engine.install("t", pack)
    after = engine.memory
    stored = sum(tensor.nbytes for tensor in pack.tensors.values())
    assert stored < after.packs < stored + 10_000
    assert after.call - before.call >= 900 * 64 * 4
    assert after.total == after.base + after.packs + after.pack_cache + after.call
    assert str(after).startswith(f"at most {after.total / 1e6:.0f} MB: base ")
    larger = Engine(base, threads=1, max_batch_tokens=4096).memory
    assert larger.call > 10 * before.call / 9


def test_a_limit_chooses_the_batches_and_answers_stay_the_same_to_the_bit(base: Base) -> None:
    texts = [letter * 3 + " and a few words more" * 3 for letter in "abcdefghijkl"]
    plain = Engine(base, threads=1)
    least = Budget.of(Footprint.of(base), 32, 512, 0, patterns=False)
    needed = replace(least, most_tokens=1).memory(Footprint.of(base), [random_pack(base)]).total
    tight, wide = (Engine(base, threads=1, memory_limit=needed + room) for room in (4096, 64 * MIB))
    for engine in (plain, tight, wide):
        engine.install("t", random_pack(base))
    assert tight._budget.most_tokens < wide._budget.most_tokens <= WIDEST_OF_ONE_TEXT * 512
    assert tight.memory.pack_cache < wide.memory.pack_cache <= 16 << 20
    for engine, room in ((tight, 4096), (wide, 64 * MIB)):
        assert engine.memory.total <= needed + room
        for found, expected in zip(engine.logits(texts, "t"), plain.logits(texts, "t"), strict=True):
            np.testing.assert_array_equal(found, expected)
    assert tight.explain(texts, "t").batches > plain.explain(texts, "t").batches


def test_a_limit_that_is_too_low_is_refused_at_once_and_when_a_pack_takes_too_much(base: Base) -> None:
    with pytest.raises(InputError, match=r"`memory_limit` should be at least [\d,]+ bytes for base tiny-bert"):
        Engine(base, memory_limit=MIB)
    with pytest.raises(InputError, match="`memory_limit` should be a whole number"):
        Engine(base, memory_limit="1 GB")  # type: ignore[arg-type]
    engine = Engine(base, threads=1, memory_limit=40 * MIB)
    engine.install("small", random_pack(base))
    before = engine.memory
    with pytest.raises(InputError, match="`memory_limit` should be at least"):
        engine.install("huge", random_pack(base, labels=60_000))
    assert set(engine.tasks) == {"small"} and engine.memory == before
    engine.install("large", random_pack(base, labels=2_000))
    assert engine._budget.most_tokens <= 2048
    engine.remove("large")
    assert engine.memory == before


@pytest.mark.parametrize(
    ("task_type", "labels", "texts"),
    [("span", 2, ["a b " * 3000]), ("token-classification", 301, ["a b c ab " * 30] * 300)],
)
def test_what_is_held_for_tokens_is_bounded(base: Base, task_type: str, labels: int, texts: list[str]) -> None:
    engine, pack = Engine(base, threads=1), random_pack(base, labels=labels, task_type=task_type)
    windows = Windows("offsets", 4, 256) if task_type == "span" else None
    engine.install("t", replace(pack, info=replace(pack.info, windows=windows)))
    engine.predict("a", "t")
    tracemalloc.start()
    try:
        engine.predict(texts, "t")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak <= 32 << 20
