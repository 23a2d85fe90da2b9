"""A thousand synthetic tenants trained on Ray while nodes die, and what Ray costs beside plain processes.

    python -m fleet.run [deaths] [cost] [--tenants 1000] [--kills 5] [--rounds 3]

A tiny base of random weights; nodes are real processes of this machine (`ray.cluster_utils.Cluster`), each of one CPU.
Needs the environment of `make test-ray`, and `tests` on PYTHONPATH.
"""

import argparse
import os
import random
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from bitfit_exporters import ExportOptions, export
from bitfit_toolkit.fleet import DEFAULT_GROUP_SIZE
from fleet.arms import Outcome, on_ray, plain
from harness.machine import facts
from harness.options import make_parser, results_of, silence
from harness.reports import Table, write_json, write_report
from support.checkpoints import make_checkpoint
from support.fleets import write_tasks

ONE, TWO, RAY_ONE, RAY_TWO = "one process", "two processes", "Ray, one worker", "Ray, two workers"
PARTS: Final = ("deaths", "cost")
FIGURES: Final = ("seconds", "cpu_seconds")
WARM_UP: Final = 8  # tenants, before anything is measured
DEATHS_NOTE: Final = (
    "Each node has one CPU; a killed one is replaced after two seconds. Lost: packs that are missing, that differ from "
    "those of one process without Ray, or that the ledger lacks. Twice: groups put into place more than once. At work: "
    "nodes that were training as they died; Ray repeats such a group elsewhere, whole."
)
COST_NOTE: Final = (
    "Minimum and median of rounds in which the ways have turns. Seconds between the first group and the last, so "
    "without the start of workers; CPU-seconds with it (imports of torch), of all processes, Ray's own too. Ratios "
    "above 1: the first has more packs a second."
)


def main() -> None:
    arguments = parse_arguments()
    silence()
    os.environ |= {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "OMP_NUM_THREADS": "1"}
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))  # of workers
    versions = facts()["versions"] | {"ray": version("ray")}
    about = facts() | {"versions": versions, "load before": round(os.getloadavg()[0], 1)}
    about |= {"niceness": os.nice(0), "packs a group": DEFAULT_GROUP_SIZE}
    with TemporaryDirectory(prefix="bitfit-fleet-") as name:
        folder = Path(name)
        model = str(make_checkpoint("bert", folder / "model"))
        base = Path(export(model, folder / "base", ExportOptions(offline=True)).output)
        if "deaths" in arguments.parts:
            found = deaths(base, folder, arguments.tenants, arguments.kills)
            write_report(arguments.output / "deaths", "Training on nodes that die", about, [deaths_table(found)])
        if "cost" in arguments.parts:
            costs = in_turns(base, folder, arguments.cost_tenants, arguments.rounds)
            about |= {"packs a turn": arguments.cost_tenants, "turns": arguments.rounds}
            write_report(arguments.output / "cost", "Cost of training on Ray", about, [cost_table(costs)])
            write_json(arguments.output / "cost" / "turns.json", costs)
    print(f"wrote {arguments.output}")


def parse_arguments() -> argparse.Namespace:
    parser = make_parser(__doc__, results_of("fleet"))
    parser.add_argument("parts", nargs="*", default=PARTS, help=f"of {', '.join(PARTS)}; by default all")
    parser.add_argument("--tenants", type=int, default=1000, help="packs to train while nodes die")
    parser.add_argument("--kills", type=int, default=5, help="nodes that die, at random times")
    parser.add_argument("--cost-tenants", type=int, default=200, help="packs of each turn that is timed")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each way that is timed")
    arguments = parser.parse_args()
    if unknown := set(arguments.parts) - set(PARTS):
        parser.error(f"parts should be of {', '.join(PARTS)}, found {', '.join(sorted(unknown))}")
    return arguments


def deaths(base: Path, folder: Path, tenants: int, kills: int) -> dict[str, Outcome]:
    """Train all tenants in one process without Ray, then on two nodes of which some die."""
    tasks = write_tasks(folder / "deaths", tenants)
    return {ONE: told(ONE, plain(base, tasks, 1)), RAY_TWO: told(RAY_TWO, on_ray(base, tasks, 2, kills))}


def in_turns(base: Path, folder: Path, tenants: int, rounds: int) -> dict[str, list[dict[str, float]]]:
    """Return what 1,000 packs take in each way and round. Raises SystemExit where a way gives other packs."""
    tasks = write_tasks(folder / "cost", tenants)
    ways: Mapping[str, Callable[[Path, Path], Outcome]] = {
        ONE: partial(plain, processes=1),
        TWO: partial(plain, processes=2),
        RAY_ONE: partial(on_ray, workers=1),
        RAY_TWO: partial(on_ray, workers=2),
    }
    expected = plain(base, write_tasks(folder / "warm", min(WARM_UP, tenants)), 1) and plain(base, tasks, 1).packs
    found: dict[str, list[dict[str, float]]] = {way: [] for way in ways}
    draw = random.Random(0)
    for _ in range(rounds):
        for way in draw.sample(list(ways), len(ways)):
            done = told(way, ways[way](base, tasks))
            if done.packs != expected:
                raise SystemExit(f"{way} should give the packs of one process, found others; that is a defect")
            per = 1000 / tenants
            found[way].append({"seconds": 1000 / done.packs_a_second, "cpu_seconds": per * done.cpu_seconds})
    return found


def told(way: str, done: Outcome) -> Outcome:
    """Say what was done, and return it."""
    print(f"{way}: {len(done.packs)} packs, {done.seconds:.1f} s, {done.cpu_seconds:.1f} CPU-seconds", flush=True)
    return done


def deaths_table(found: Mapping[str, Outcome]) -> Table:
    """Return what was lost and what was done twice while nodes died."""
    here, there = found[ONE], found[RAY_TWO]
    lost = sum(there.packs.get(name) != digest for name, digest in here.packs.items())
    lacking = len(set(there.finished)) - there.in_ledger
    rows = [
        ("packs", str(len(there.packs))),
        ("of the bytes of one process without Ray", str(len(here.packs) - lost)),
        ("lost", str(lost + lacking)),
        ("twice", str(there.twice)),
        ("nodes killed, of them at work", f"{len(there.kills)}, {sum(kill.at_work for kill in there.kills)}"),
        ("killed after seconds", ", ".join(f"{kill.after_seconds:.0f}" for kill in there.kills)),
        ("with how many groups finished", ", ".join(str(kill.finished) for kill in there.kills)),
        ("seconds; CPU-seconds", f"{there.seconds:.0f}; {there.cpu_seconds:.0f}"),
        ("one process without Ray: seconds; CPU-seconds", f"{here.seconds:.0f}; {here.cpu_seconds:.0f}"),
    ]
    return Table("Nodes that die", DEATHS_NOTE, ("what", "found"), rows)


def cost_table(costs: Mapping[str, Sequence[Mapping[str, float]]]) -> Table:
    """Return what 1,000 packs cost in each way, and how two workers compare."""
    rows: list[tuple[str, ...]] = [
        (way, *_cell(rounds, "seconds"), *_cell(rounds, "cpu_seconds")) for way, rounds in costs.items()
    ]
    for what, name, peer in (
        ("packs a second, two Ray workers / two processes", RAY_TWO, TWO),
        ("packs a second, two Ray workers / one", RAY_TWO, RAY_ONE),
        ("packs a second, two processes / one", TWO, ONE),
    ):
        rows.append((what, *(_ratio(costs, peer, name, figure, at) for figure in FIGURES for at in (min, _median))))
    header = ("way", "seconds, minimum", "median", "CPU-seconds, minimum", "median")
    return Table("Cost of 1,000 packs", COST_NOTE, header, rows)


def _median(values: Sequence[float]) -> float:
    return statistics.median(values)


def _cell(rounds: Sequence[Mapping[str, float]], figure: str) -> tuple[str, str]:
    values = [found[figure] for found in rounds]
    return f"{min(values):.1f}", f"{_median(values):.1f}"


def _ratio(costs: Any, above: str, below: str, figure: str, at: Callable[[Sequence[float]], float]) -> str:
    found = [at([one[figure] for one in costs[way]]) for way in (above, below)]
    return f"{found[0] / found[1]:.2f}"


if __name__ == "__main__":
    main()
