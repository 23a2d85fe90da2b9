"""Six tasks about each row beside six passes over the rows: `python -m fleet.shared_rows --base demo-output/base`."""

import argparse
import json
import shutil
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

from bitfit_runtime import Base
from bitfit_toolkit.bulk import BulkOptions, plan_bulk
from bitfit_toolkit.bulk.work import Worker
from fleet.rows import write_rows
from harness.machine import facts
from support.bulk import write_packs

TASKS = tuple(f"t{number}" for number in range(6))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--layer", type=int, default=3)
    given = parser.parse_args()
    base = Base.open(given.base)
    shutil.rmtree(given.work, ignore_errors=True)
    write_packs(base, given.work / "packs", len(TASKS), from_layer=given.layer)
    write_rows(given.work / "rows", given.rows, 1, 1, words=12)
    together: list[tuple[str, ...]] = [TASKS]
    apart: list[tuple[str, ...]] = [(task,) for task in TASKS]
    timed: dict[str, list[float]] = {"six tasks about each row": [], "six passes": []}
    for _ in range(given.rounds):
        for name, passes in zip(timed, (together, apart), strict=True):
            timed[name].append(processor_time(base, given.work, passes))
    best = {name: round(min(seconds), 3) for name, seconds in timed.items()}
    middle = {name: round(statistics.median(seconds), 3) for name, seconds in timed.items()}
    ratios = [one / six for one, six in zip(*timed.values(), strict=True)]
    found = {
        "about": facts(),
        "base": base.manifest.name,
        "from_layer": given.layer,
        "layers": base.manifest.layers,
        "rows": given.rows,
        "cpu_seconds_minimum": best,
        "cpu_seconds_median": middle,
        "ratio_of_minima": round(best["six tasks about each row"] / best["six passes"], 3),
        "ratio_median": round(statistics.median(ratios), 3),
        "ratios": [round(ratio, 3) for ratio in ratios],
    }
    given.output.mkdir(parents=True, exist_ok=True)
    (given.output / "shared_rows.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=1))


def processor_time(base: Base, work: Path, passes: Sequence[tuple[str, ...]]) -> float:
    """Return the seconds of processor time that passes over the rows take, engines loaded and packs installed."""
    workers = []
    for number, tasks in enumerate(passes):
        options = BulkOptions(tasks=tasks)
        plan = plan_bulk(base, str(work / "packs"), f"{work}/rows/*.parquet", str(work / f"out-{number}"), options)
        worker = Worker(base, plan)
        worker.shelf.hold(tasks, ())
        workers.append((worker, plan))
    began = time.process_time()
    for worker, plan in workers:
        for part in plan.parts:
            worker.answer(part)
    return time.process_time() - began


if __name__ == "__main__":
    main()
