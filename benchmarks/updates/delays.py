"""Delays of an update: until its first answer, and of requests while a pack is replaced."""

import statistics
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from bitfit_runtime import Engine, Pack
from bitfit_runtime.canary import make_canary
from bitfit_runtime.formats import serialize
from bitfit_toolkit.publish import Candidate
from harness.packs import random_pack
from updates.repository import serve_repository

TASK = "mood"
TEXT = "please play the second song of that album again, but not so loud"
REQUESTS_PER_ROUND = 20


def activations(engine: Engine, rounds: int) -> dict[str, Any]:
    """Measure milliseconds from a downloaded pack to its first answer: digest, canary, pointer, replacement."""
    times, size = [], 0
    with serve_repository() as repository:
        updater = repository.device(engine.base, TASK)
        for seed in range(rounds):
            pack = pack_with_canary(engine, seed)
            content = serialize(pack)
            size = len(content)
            repository.publisher.add([Candidate(pack.info.base, TASK, 2, {"accuracy": 0.5}, content)])
            [release] = updater.check().releases
            updater.fetch(release)
            began = time.perf_counter()
            updater.activate(TASK, engine)
            times.append(time.perf_counter() - began)
    return {"verify, canary, activate, ms": spread(times), "pack, bytes": size}


def replacements(engine: Engine, rounds: int) -> dict[str, Any]:
    """Measure milliseconds of requests while another thread replaces their pack, in turns with requests alone."""
    packs = [pack_with_canary(engine, seed) for seed in (1, 2)]
    engine.install(TASK, packs[0])
    alone, beside, installs = [], [], []

    def replace(pack: Pack) -> None:
        began = time.perf_counter()
        engine.install(TASK, pack)
        installs.append(time.perf_counter() - began)

    for turn in range(REQUESTS_PER_ROUND * rounds):
        alone.append(request_beside(engine, lambda: None))
        beside.append(request_beside(engine, partial(replace, packs[turn % 2])))
    delays = [during - quiet for quiet, during in zip(alone, beside, strict=True)]
    return {
        "request alone, ms": spread(alone),
        "request during a flip, ms": spread(beside),
        "delay by a flip, median, ms": round(1000 * statistics.median(delays), 3),
        "flip, ms": spread(installs),
    }


def pack_with_canary(engine: Engine, seed: int) -> Pack:
    return make_canary(engine, random_pack(engine.base, seed, TASK, "int4"))


def request_beside(engine: Engine, work: Callable[[], None]) -> float:
    """Return the seconds of one request that begins when another thread begins its work."""
    together = threading.Barrier(2)

    def other() -> None:
        together.wait()
        work()

    thread = threading.Thread(target=other)
    thread.start()
    together.wait()
    began = time.perf_counter()
    engine.predict(TEXT, TASK)
    seconds = time.perf_counter() - began
    thread.join()
    return seconds


def spread(seconds: Sequence[float]) -> dict[str, float]:
    """Return the median, the 95th percentile and the maximum in milliseconds."""
    ordered = sorted(1000 * value for value in seconds)
    last = len(ordered) - 1
    figures = {"median": ordered[int(0.5 * last)], "p95": ordered[int(0.95 * last)], "max": ordered[-1]}
    return {name: round(value, 3) for name, value in figures.items()}
