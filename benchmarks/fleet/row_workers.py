"""Rows by one and two workers on Ray beside one and two plain processes: `python -m fleet.row_workers --work FOLDER`.

Seconds run from the first call to the last part, starts of workers included, that of a cluster not.
"""

import argparse
import json
import os
import pickle
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from bitfit_runtime import Base
from bitfit_toolkit.bulk import BulkOptions, BulkPlan, begin, plan_bulk
from bitfit_toolkit.bulk.on_ray import answer_on_ray
from fleet.cpu_time import CpuTime
from fleet.nodes import nodes
from fleet.rows import prepare
from harness.machine import facts

SHARE = """
import pickle, sys
from pathlib import Path
from bitfit_runtime import Base
from bitfit_toolkit.bulk import answer_here
base, plan = Base.open(sys.argv[1]), pickle.loads(Path(sys.argv[2]).read_bytes())
number, processes = map(int, sys.argv[3:])
assert all(report.failure is None for report in answer_here(base, plan, list(plan.parts[number::processes])))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--tenants", type=int, default=1000)
    parser.add_argument("--parts", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    base, packs, pattern = prepare(given.work, given.rows, given.tenants, given.parts)
    plan = plan_bulk(base, str(packs), pattern, str(given.work / "timed"), BulkOptions("tenant"))
    timed: dict[str, list[float]] = {}
    spent: dict[str, list[float]] = {}
    with nodes(2) as cluster:
        ways: dict[str, Callable[[], None]] = {
            "two plain processes": lambda: plain(base, plan, 2),
            "two Ray workers": lambda: on_ray(base, plan, cluster.address, 2),
            "one Ray worker": lambda: on_ray(base, plan, cluster.address, 1),
        }
        for _ in range(given.rounds):
            for name, way in ways.items():
                shutil.rmtree(plan.output, ignore_errors=True)
                with CpuTime() as cpu:
                    began = time.perf_counter()
                    way()
                    timed.setdefault(name, []).append(time.perf_counter() - began)
                spent.setdefault(name, []).append(cpu.seconds)
    found: dict[str, object] = {
        "rows": given.rows,
        "packs": given.tenants,
        "parts": given.parts,
        "rounds": given.rounds,
    }
    found["about"] = facts() | {"load": round(os.getloadavg()[0], 1)}
    for what, all_seconds in (("seconds", timed), ("cpu seconds", spent)):
        for name, seconds in all_seconds.items():
            shortest, middle = round(min(seconds), 2), round(statistics.median(seconds), 2)
            found[f"{what}, {name}"] = {"minimum": shortest, "median": middle}
    cheapest = {name: min(seconds) for name, seconds in spent.items()}
    found["rows a processor second, two Ray workers of two plain processes"] = round(
        cheapest["two plain processes"] / cheapest["two Ray workers"], 3
    )
    best = {name: min(seconds) for name, seconds in timed.items()}
    found["rows a second, two Ray workers of two plain processes"] = round(
        best["two plain processes"] / best["two Ray workers"], 3
    )
    found["two Ray workers of one"] = round(best["one Ray worker"] / best["two Ray workers"], 3)
    given.output.mkdir(parents=True, exist_ok=True)
    (given.output / "row_workers.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=1))


def on_ray(base: Base, plan: BulkPlan, address: str, workers: int) -> None:
    assert all(report.failure is None for report in answer_on_ray(base, plan, begin(plan)[1], address, workers))


def plain(base: Base, plan: BulkPlan, processes: int) -> None:
    """Answer in so many processes, each every so-manieth part; they import what a worker does, and no more."""
    begin(plan)
    told = Path(plan.output) / "told.pickle"
    told.write_bytes(pickle.dumps(plan))
    arguments = [[sys.executable, "-c", SHARE, *map(str, (base.folder, told, n, processes))] for n in range(processes)]
    running = [subprocess.Popen(one) for one in arguments]
    assert [process.wait() for process in running] == [0] * processes


if __name__ == "__main__":
    main()
