"""Where the time goes, operator by operator: ours, optimum's model and the floor under ONNX Runtime's own profiler.

    python -m speed.profile_operators [--model bert-base-shape] [--sequence 128] [--optimum per-tensor]

One thread, batch 1. Profiled runs alternate between the graphs; figures are milliseconds a run, the median over runs of
each operator's sum. Profiling itself costs some microseconds a node, so sums exceed the latencies of `speed.run`.
"""

import argparse
import json
import os
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from harness.clock import pin
from harness.machine import processor
from harness.models import BERT, MODELS
from harness.options import add_work, make_parser, results_of, silence
from harness.packs import task_feeds
from harness.reports import markdown_rows
from harness.sessions import open_profiled_session
from harness.tokens import random_tokens
from speed.arms import FLOOR, OPTIMUM, OURS
from speed.peers.floor import floor_feeds
from speed.prepare import PEERS_PYTHON, Prepared, prepare

WARM_UP_RUNS = 2


@dataclass(frozen=True, slots=True)
class Graph:
    """A graph to profile: its file, the outputs that are asked for (None: all), and its feeds."""

    path: Path
    outputs: Sequence[str] | None
    feeds: Mapping[str, npt.NDArray[np.generic]]


@dataclass(frozen=True, slots=True)
class Operator:
    """An operator's time in one run, summed over its nodes."""

    milliseconds: float
    nodes: int


Profile = Mapping[str, Operator]  # by the operator's name


def main() -> None:
    arguments = parse_arguments()
    silence()
    prepared = prepare(arguments.model, arguments.work, arguments.peers_python)
    pin(1)
    profiles = profile(graphs_of(prepared, arguments.sequence, arguments.optimum), arguments.runs, arguments.work)
    lines = [
        f"# Time by operator: {arguments.model}, {arguments.sequence} tokens, one thread",
        "",
        f"{processor()}, onnxruntime {ort.__version__}. Milliseconds a run (nodes), median of {arguments.runs}.",
        "",
        *table(profiles),
        "",
    ]
    text = "\n".join(lines)
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(text, encoding="utf-8")
    print(text)


def parse_arguments() -> argparse.Namespace:
    parser = make_parser(__doc__, results_of("speed") / "profile.md")
    parser.add_argument("--model", choices=MODELS, default=BERT)
    parser.add_argument("--sequence", type=int, default=128, help="tokens of the text")
    parser.add_argument("--optimum", default="per-tensor", help="which of optimum's models")
    parser.add_argument("--runs", type=int, default=20, help="runs of each graph after the warm-up")
    parser.add_argument("--peers-python", type=Path, default=PEERS_PYTHON, help="the interpreter that has optimum")
    add_work(parser)
    return parser.parse_args()


def graphs_of(prepared: Prepared, sequence: int, optimum: str) -> dict[str, Graph]:
    tokens = random_tokens(1, sequence)
    return {
        OURS: Graph(prepared.base.model_path, ["logits"], {**tokens, **task_feeds(prepared.base, 0)}),
        OPTIMUM + optimum: Graph(prepared.optimum[optimum], None, tokens),
        FLOOR: Graph(prepared.floor, None, floor_feeds(prepared.config, 1, sequence)),
    }


def profile(graphs: Mapping[str, Graph], runs: int, folder: Path) -> dict[str, Profile]:
    """Run the graphs in turns; the profiler's traces lie in `folder` until they are read."""
    sessions = {
        name: open_profiled_session(graph.path, 1, folder / f"profile-{index}")
        for index, (name, graph) in enumerate(graphs.items())
    }
    for _ in range(runs + WARM_UP_RUNS):
        for name, graph in graphs.items():
            sessions[name].run(graph.outputs, graph.feeds)
    profiles = {}
    for name, session in sessions.items():
        trace = Path(session.end_profiling())
        profiles[name] = by_operator(json.loads(trace.read_text()))
        trace.unlink()
    return profiles


def by_operator(events: Sequence[dict[str, Any]]) -> Profile:
    """Sum the time of an operator's nodes for each run of a trace; take the median of the runs after the warm-up."""
    kernels = [event for event in events if event.get("cat") == "Node" and event["name"].endswith("_kernel_time")]
    ends = sorted(event["ts"] + event["dur"] for event in events if event["name"] == "model_run")
    sums: list[Counter[str]] = [Counter() for _ in ends]
    nodes: list[Counter[str]] = [Counter() for _ in ends]
    for event in kernels:
        run = next(index for index, end in enumerate(ends) if event["ts"] <= end)
        sums[run][event["args"]["op_name"]] += event["dur"]
        nodes[run][event["args"]["op_name"]] += 1
    names = {name for counted in nodes for name in counted}
    return {
        name: Operator(statistics.median(one[name] for one in sums[WARM_UP_RUNS:]) / 1e3, nodes[-1][name])
        for name in sorted(names)
    }


def table(profiles: Mapping[str, Profile]) -> list[str]:
    """Return a Markdown table, the costliest operator of ours first."""
    absent = Operator(0, 0)
    names = {name for own in profiles.values() for name in own}
    order = sorted(names, key=lambda name: [-own.get(name, absent).milliseconds for own in profiles.values()])
    rows = [[name, *(_cell(own.get(name)) for own in profiles.values())] for name in order]
    sums = [sum(operator.milliseconds for operator in own.values()) for own in profiles.values()]
    return markdown_rows(["operator", *profiles], [*rows, ["all", *(f"{value:.2f}" for value in sums)]])


def _cell(operator: Operator | None) -> str:
    return "–" if operator is None else f"{operator.milliseconds:.2f} ({operator.nodes})"


if __name__ == "__main__":
    main()
