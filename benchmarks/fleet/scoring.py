"""Bulk answers on two nodes of which five die, checked row by row: `python -m fleet.scoring --output FOLDER`."""

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import ray
from pyarrow import parquet

from bitfit_runtime import Base
from bitfit_toolkit.bulk import BulkOptions, BulkPlan, answer_here, begin, plan_bulk
from bitfit_toolkit.bulk.on_ray import answer_on_ray
from fleet.cpu_time import CpuTime
from fleet.nodes import Killer, nodes
from fleet.rows import prepare
from harness.machine import facts
from harness.options import silence

AT_WORK = "ray::Actor"  # how Ray names a process that answers
LIMIT_MB = 256
IMPORTS = "import ray, pyarrow.parquet, bitfit_toolkit.bulk.on_ray; print(open('/proc/self/statm').read().split()[1])"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "bitfit-rows")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results/rows")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--tenants", type=int, default=1000)
    parser.add_argument("--parts", type=int, default=200)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--sample", type=int, default=20, help="parts that are answered without Ray, too")
    given = parser.parse_args()
    silence()
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))  # of workers
    base, packs, pattern = prepare(given.work, given.rows, given.tenants, given.parts)
    options = BulkOptions("tenant", memory_limit=LIMIT_MB * 10**6)
    scored = given.work / f"scored-{int(time.time())}"
    plan = plan_bulk(base, str(packs), pattern, str(scored), options)
    found: dict[str, Any] = {
        "rows": given.rows,
        "packs": given.tenants,
        "parts": given.parts,
        "about": facts() | {"ray": ray.__version__},
    }
    found["with kills"] = killed(base, plan, given.kills)
    found["checked"] = check(plan)
    found["sample"] = sample(base, plan, given.sample)
    given.output.mkdir(parents=True, exist_ok=True)
    (given.output / "scoring.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=1))


def killed(base: Base, plan: BulkPlan, kills: int) -> dict[str, Any]:
    """Answer all parts on two nodes of one CPU, some of which die and are replaced."""
    peak, done = 0, 0
    with nodes(2) as cluster, CpuTime() as cpu:
        began = time.perf_counter()
        with Killer(cluster, len(plan.parts), kills, AT_WORK) as killer:
            for report in answer_on_ray(base, plan, begin(plan)[1], cluster.address):
                if report.failure is not None:
                    raise report.failure
                done += 1
                killer.tell(done)
                peak = max(peak, peak_of_actors())
            seconds = time.perf_counter() - began
    rows = sum(parquet.read_metadata(part.source).num_rows for part in plan.parts)
    imports = int(subprocess.run([sys.executable, "-c", IMPORTS], capture_output=True, text=True, check=True).stdout)
    return {
        "seconds": round(seconds, 1),
        "cpu_seconds": round(cpu.seconds, 1),
        "cpu_seconds_per_million_rows": round(cpu.seconds * 1e6 / rows, 1),
        "kills": [asdict(kill) for kill in killer.kills],
        "memory": {
            "limit_mb": LIMIT_MB,
            "peak_of_a_worker_mb": round(peak / 1e6, 1),
            "imports_alone_mb": round(imports * resource.getpagesize() / 1e6, 1),
        },
    }


def peak_of_actors() -> int:
    """Return the most memory that an actor which is alive ever had, in bytes."""
    found = [0]
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if (folder / "cmdline").read_bytes().decode(errors="replace").startswith(AT_WORK):
                lines = (folder / "status").read_text().splitlines()
                found += [int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")]
        except OSError:
            continue  # it ended
    return max(found)


def check(plan: BulkPlan) -> dict[str, int]:
    """Compare every row of the output with its row of the input."""
    lost = twice = wrong = unanswered = 0
    for part in plan.parts:
        asked = parquet.read_table(part.source).column("tenant").to_pylist()
        answers = parquet.read_table(Path(plan.output) / part.name)
        aside = Path(plan.output) / "unanswered" / part.name
        numbers = answers.column("row").to_pylist()
        left = parquet.read_table(aside).column("row").to_pylist() if aside.exists() else []
        counted = Counter([*numbers, *left])
        lost += len(set(range(len(asked))) - counted.keys())
        twice += sum(count > 1 for count in counted.values())
        wrong += sum(asked[n] != task for n, task in zip(numbers, answers.column("task").to_pylist(), strict=True))
        unanswered += len(left)
    other = len([path for path in Path(plan.output).rglob("*") if path.is_file()]) - len(plan.parts) - 1
    return {
        "rows_lost": lost,
        "rows_twice": twice,
        "rows_of_another_task": wrong,
        "unanswered": unanswered,
        "other_files": other,
    }


def sample(base: Base, plan: BulkPlan, count: int) -> dict[str, int]:
    """Answer some parts again in this process, without Ray, and compare the bytes."""
    again = replace(plan, output=f"{plan.output}-again")
    chosen = random.Random(1).sample(list(plan.parts), min(count, len(plan.parts)))
    begin(again)
    reports = list(answer_here(base, again, chosen))
    same = [
        p for p in chosen if (Path(plan.output) / p.name).read_bytes() == (Path(again.output) / p.name).read_bytes()
    ]
    return {"parts": len(reports), "rows": sum(report.rows for report in reports), "same_bytes": len(same)}


if __name__ == "__main__":
    main()
