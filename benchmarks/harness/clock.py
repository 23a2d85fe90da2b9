"""Timing in turns, so that a busy moment of the machine meets all that is compared; and the ratios of such times."""

import os
import random
import statistics
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple

WARM_UP_ROUNDS = 2
MIN_ROUNDS = 3
RARE_EVERY = 3
ALLOWED_CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []

Runs = Mapping[str, Callable[[], object]]
Figures = Mapping[str, Any]  # what one arm took, by the name of the figure, as JSON holds it
Arms = Mapping[str, Figures]  # by the name of the arm


def interleaved(
    runs: Runs,
    rounds: int,
    seconds: float = float("inf"),
    rare: Collection[str] = (),
    before: Runs | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, dict[str, float]]:
    """Call every run once a round, in a random order drawn anew, and return the `summary` of each run's times.

    After `seconds` no round begins, but three are always counted. Runs in `rare` have a turn in every third round only:
    they are slow, and no ratio that matters is close. `before` holds calls that precede a run and are not timed.
    `clock` may be `time.process_time`, so that other processes disturb less; runs then have one thread.
    """
    generator = random.Random(0)
    times: dict[str, list[float]] = {name: [] for name in runs}
    began = time.perf_counter()
    for turn in range(-WARM_UP_ROUNDS, rounds):
        if turn >= MIN_ROUNDS and time.perf_counter() - began > seconds:
            break
        names = [name for name in runs if name not in rare or turn % RARE_EVERY == 0]
        for name in generator.sample(names, len(names)):
            if before and name in before:
                before[name]()
            start = clock()
            runs[name]()
            if turn >= 0:
                times[name].append(1e3 * (clock() - start))
    return {name: summary(found) for name, found in times.items()}


def summary(times: Sequence[float]) -> dict[str, float]:
    """Return the minimum, the median and the number of times in milliseconds."""
    return {"min": min(times), "median": statistics.median(times), "rounds": len(times)}


def pin(threads: int) -> None:
    """Keep this thread, and those that it starts from now on, on as many cores as `threads` (where the system can)."""
    if ALLOWED_CORES:
        os.sched_setaffinity(0, set(ALLOWED_CORES[:threads]))


class Ratio(NamedTuple):
    """Of medians and of minima: below 1 where the first arm is faster."""

    median: float
    minimum: float

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.minimum:.2f})"


def ratio(arms: Arms, name: str, peers: str) -> Ratio | None:
    """Compare an arm with the fastest of those whose names begin with `peers`; None where one side was not measured."""
    others = [figures for other, figures in arms.items() if other.startswith(peers) and other != name]
    if name not in arms or not others:
        return None
    return Ratio(
        *(arms[name][statistic] / min(other[statistic] for other in others) for statistic in ("median", "min"))
    )


def fastest(arms: Arms, peers: str) -> str:
    """Name the arm of least median among those whose names begin with `peers`, without that beginning."""
    names = [name for name in arms if name.startswith(peers)]
    return min(names, key=lambda name: arms[name]["median"]).removeprefix(peers) if names else "–"
