"""A fresh process with one engine, or with a bare session, that prints what it measured as JSON. One thread.

    python -m residency.child memory BASE TASKS PACK...
    python -m residency.child calls BASE TASKS PACK...
    python -m residency.child start BASE
    python -m residency.child bare BASE

With more tasks than packs, packs are installed under several names: the engine keeps a copy for each name.
"""

import ctypes
import itertools
import json
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

TEXT = "a b c d e f g h i j k l m n"  # 16 tokens of both models
ROWS = 32
ROUNDS = {1: 300, ROWS: 25}
LOOK_UPS = 300


def main() -> None:
    kind, place, *rest = sys.argv[1:]
    print(json.dumps({"memory": memory, "calls": calls, "start": start, "bare": bare}[kind](place, *rest)))


def memory(place: str, tasks: str, *packs: str) -> dict[str, dict[str, float]]:
    """Resident megabytes when all tasks are installed and one was used, and when all were used."""
    engine = installed(place, int(tasks), packs)
    engine.predict(TEXT, task="0")
    encoded = megabytes()
    for task in range(int(tasks)):
        engine.predict(TEXT, task=str(task))
    return {"installed": {"mb": encoded}, "used": {"mb": megabytes()}}


def calls(place: str, tasks: str, *packs: str) -> dict[str, dict[str, dict[str, float]]]:
    """Milliseconds of calls with one text, and with 32 texts, after a call of another task; and of a look-up alone."""
    from harness.clock import interleaved, pin

    pin(1)
    engine = installed(place, int(tasks), packs)
    names = itertools.cycle(map(str, range(ROWS, int(tasks))))  # far more of them than are kept decoded

    def answer(chosen: list[str]) -> None:
        engine.predict([(TEXT, task) for task in chosen])

    found = {}
    for rows, rounds in ROUNDS.items():
        before = partial(answer, ["0"] * rows)
        runs = {
            "the task of the call before": before,
            "decoded": partial(answer, [str(1 + row % (ROWS - 1)) for row in range(rows)]),
            "encoded": lambda rows=rows: answer(list(itertools.islice(names, rows))),
        }
        earlier = dict.fromkeys(runs, before) | ({"decoded": runs["decoded"]} if rows > 1 else {})
        found[f"{rows} texts" if rows > 1 else "1 text"] = interleaved(runs, rounds, before=earlier)
    return found | {"look-up": look_ups(engine.base, packs)}


def look_ups(base: Any, packs: tuple[str, ...]) -> dict[str, dict[str, float]]:
    from bitfit_runtime import read_pack
    from bitfit_runtime.pack_cache import PackCache
    from harness.clock import interleaved

    pack = read_pack(packs[0])
    kept, none = PackCache(base, 16 << 20), PackCache(base, 0)
    return interleaved({"decoded": lambda: kept.get(pack), "encoded": lambda: none.get(pack)}, LOOK_UPS)


def start(place: str) -> dict[str, float]:
    from bitfit_runtime import Engine

    began = time.perf_counter()
    Engine(place, threads=1).embed(TEXT)
    return {"ms": 1e3 * (time.perf_counter() - began), "peak_mb": status("VmHWM")}


def bare(place: str) -> dict[str, float]:
    """The least that can answer: a session on the same graph and the tokenizer, nothing checked."""
    import numpy as np
    import onnxruntime as ort
    from tokenizers import Tokenizer

    began = time.perf_counter()
    options = ort.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads = 3, 1
    session = ort.InferenceSession(str(Path(place, "model.onnx")), options, providers=["CPUExecutionProvider"])
    text = Tokenizer.from_file(str(Path(place, "tokenizer.json"))).encode(TEXT)
    fields = {"input_ids": text.ids, "attention_mask": text.attention_mask, "token_type_ids": text.type_ids}
    session.run(["pooled"], {name: np.array([values]) for name, values in fields.items()})
    return {"ms": 1e3 * (time.perf_counter() - began), "peak_mb": status("VmHWM")}


def installed(place: str, tasks: int, packs: tuple[str, ...]) -> Any:
    from bitfit_runtime import Engine

    engine = Engine(place, threads=1)
    for task in range(tasks):
        engine.install(str(task), packs[task % len(packs)])
    return engine


def megabytes() -> float:
    """Resident memory, without what the C library holds back from the system."""
    ctypes.CDLL(None).malloc_trim(0)
    return status("VmRSS")


def status(field: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith(field))


if __name__ == "__main__":
    main()
