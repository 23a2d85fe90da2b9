"""A fresh process with one engine, or with a bare session, that prints what it measured as JSON. One thread.

    python benchmarks/residency/child.py memory BASE TASKS PACK...
    python benchmarks/residency/child.py calls BASE TASKS PACK...
    python benchmarks/residency/child.py start BASE
    python benchmarks/residency/child.py bare BASE

With more tasks than packs, packs are installed under several names: the engine keeps a copy for each name.
Imports only what is measured, so memory is that of an engine alone.
"""

import itertools
import json
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from harness.memory import give_back_free_memory, peak_kib, resident_kib
from harness.tokens import TEXT, tokens_of

if TYPE_CHECKING:
    from bitfit_runtime import Base, Engine
    from harness.clock import Arms

ROWS = 32
ROUNDS = {1: 300, ROWS: 25}
LOOK_UPS = 300
CACHE_BYTES = 16 << 20


def main() -> None:
    measure, folder, *rest = sys.argv[1:]
    print(json.dumps(MEASURES[measure](folder, *rest)))


def memory(folder: str, tasks: str, *packs: str) -> "Arms":
    """Resident megabytes when all tasks are installed and one was used, and when all were used."""
    engine = engine_with(folder, int(tasks), packs)
    engine.predict(TEXT, task="0")
    give_back_free_memory()
    encoded = megabytes(resident_kib())
    for task in range(int(tasks)):
        engine.predict(TEXT, task=str(task))
    give_back_free_memory()
    return {"installed": {"mb": encoded}, "used": {"mb": megabytes(resident_kib())}}


def calls(folder: str, tasks: str, *packs: str) -> "dict[str, Arms]":
    """Milliseconds of calls with one text, and with 32 texts, after a call of another task; and of a look-up alone."""
    from bitfit_runtime import Row
    from harness.clock import interleaved, pin

    pin(1)
    engine = engine_with(folder, int(tasks), packs)
    names = itertools.cycle(map(str, range(ROWS, int(tasks))))  # far more of them than are kept decoded

    def answer(chosen: Iterable[str]) -> None:
        engine.predict([Row(TEXT, task) for task in chosen])

    def answer_encoded(rows: int) -> None:
        answer(itertools.islice(names, rows))

    found: dict[str, Arms] = {}
    for rows, rounds in ROUNDS.items():
        same = partial(answer, ["0"] * rows)
        decoded = partial(answer, [str(1 + row % (ROWS - 1)) for row in range(rows)])
        runs: dict[str, Callable[[], object]] = {
            "the task of the call before": same,
            "decoded": decoded,
            "encoded": partial(answer_encoded, rows),
        }
        before = dict.fromkeys(runs, same) | ({"decoded": decoded} if rows > 1 else {})
        found[f"{rows} texts" if rows > 1 else "1 text"] = interleaved(runs, rounds, before=before)
    return found | {"look-up": look_ups(engine.base, packs[0])}


def look_ups(base: "Base", pack_path: str) -> "Arms":
    """Milliseconds of a pack that the cache has decoded, and of one that it must decode."""
    from bitfit_runtime import read_pack
    from bitfit_runtime.pack_cache import PackCache
    from harness.clock import interleaved

    pack = read_pack(pack_path)
    full, none = PackCache(base, CACHE_BYTES), PackCache(base, 0)
    return interleaved({"decoded": lambda: full.get(pack), "encoded": lambda: none.get(pack)}, LOOK_UPS)


def start(folder: str) -> dict[str, float]:
    """From the opening of the files to the first answer."""
    from bitfit_runtime import Engine

    began = time.perf_counter()
    Engine(folder, threads=1).embed(TEXT)
    return {"ms": 1e3 * (time.perf_counter() - began), "peak_mb": megabytes(peak_kib())}


def bare(folder: str) -> dict[str, float]:
    """The least that can answer: a session on the same graph and the tokenizer, nothing checked."""
    from tokenizers import Tokenizer

    from harness.sessions import open_session

    began = time.perf_counter()
    session = open_session(Path(folder, "model.onnx"), 1)
    tokenizer = Tokenizer.from_file(str(Path(folder, "tokenizer.json")))
    session.run(["pooled"], tokens_of(tokenizer.encode(TEXT)))
    return {"ms": 1e3 * (time.perf_counter() - began), "peak_mb": megabytes(peak_kib())}


def engine_with(folder: str, tasks: int, packs: Sequence[str]) -> "Engine":
    """Open a base and install so many tasks."""
    from bitfit_runtime import Engine

    engine = Engine(folder, threads=1)
    for task in range(tasks):
        engine.install(str(task), packs[task % len(packs)])
    return engine


def megabytes(kib: int) -> float:
    return kib * 1024 / 1e6


MEASURES: dict[str, Callable[..., object]] = {"memory": memory, "calls": calls, "start": start, "bare": bare}

if __name__ == "__main__":
    main()
