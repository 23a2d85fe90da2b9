"""Timing several calls in turns, so that a busy moment of the machine meets them all."""

import os
import random
import statistics
import time
from collections.abc import Callable, Collection, Mapping

WARM_UP = 2
LEAST_ROUNDS = 3
ALLOWED = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
Runs = Mapping[str, Callable[[], object]]


def interleaved(
    runs: Runs, rounds: int, seconds: float = float("inf"), rare: Collection[str] = (), before: Runs | None = None
) -> dict[str, dict[str, float]]:
    """Call every run once a round, in an order drawn anew each time. Milliseconds: least, median, and rounds counted.

    After `seconds` no round begins, but three are always counted. Runs in `rare` have a turn in every third round only:
    they are slow, and no ratio that matters is close. `before` holds calls that precede a run and are not timed.
    """
    generator = random.Random(0)
    times: dict[str, list[float]] = {name: [] for name in runs}
    began = time.perf_counter()
    for turn in range(-WARM_UP, rounds):
        if turn >= LEAST_ROUNDS and time.perf_counter() - began > seconds:
            break
        names = [name for name in runs if name not in rare or turn % 3 == 0]
        for name in generator.sample(names, len(names)):
            if before and name in before:
                before[name]()
            start = time.perf_counter()
            runs[name]()
            if turn >= 0:
                times[name].append(1e3 * (time.perf_counter() - start))
    return {name: summary(found) for name, found in times.items()}


def summary(times: list[float]) -> dict[str, float]:
    return {"min": min(times), "median": statistics.median(times), "rounds": len(times)}


def pin(threads: int) -> None:
    """Keep this thread, and those that it starts from now on, on so many of its cores (where the system can)."""
    if ALLOWED:
        os.sched_setaffinity(0, set(ALLOWED[:threads]))
