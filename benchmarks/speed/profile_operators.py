"""Where the time goes, operator by operator: ours, optimum's model and the floor under ONNX Runtime's own profiler.

    python -m speed.profile_operators [--model bert-base-shape] [--sequence 128] [--optimum per-tensor]

One thread, batch 1. Profiled runs alternate between the graphs; figures are milliseconds a run, the median over runs of
each operator's sum. Profiling itself costs some microseconds a node, so sums exceed the latencies of `speed.run`.
"""

import argparse
import collections
import json
import logging
import os
import statistics
from pathlib import Path

import onnxruntime as ort

from harness.clock import pin
from harness.machine import processor
from harness.models import BERT, MODELS
from harness.packs import task_feeds
from speed.arms import FLOOR, OPTIMUM, OURS, Tokens, random_tokens, session_options
from speed.peers.floor import floor_feeds
from speed.prepare import ROOT, prepare

WARM_UP = 2
Profile = dict[str, tuple[float, int]]  # operator -> milliseconds a run, nodes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=MODELS, default=BERT)
    parser.add_argument("--sequence", type=int, default=128)
    parser.add_argument("--optimum", default="per-tensor", help="which of optimum's models")
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--output", type=Path, default=Path(__file__).with_name("results") / "profile.md")
    parser.add_argument("--work", type=Path, default=ROOT / ".bench")
    parser.add_argument("--peers-python", type=Path, default=ROOT / ".venv-peers/bin/python")
    arguments = parser.parse_args()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    logging.disable(logging.WARNING)
    arguments.work.mkdir(parents=True, exist_ok=True)
    prepared = prepare(arguments.model, arguments.work, arguments.peers_python)
    pin(1)
    tokens = random_tokens(1, arguments.sequence)
    found = profile(
        {
            OURS: (prepared.base.model_path, ["logits"], {**tokens, **task_feeds(prepared.base, 0)}),
            OPTIMUM + arguments.optimum: (prepared.optimum[arguments.optimum], None, tokens),
            FLOOR: (prepared.floor, None, floor_feeds(prepared.config, 1, arguments.sequence)),
        },
        arguments.runs,
        arguments.work,
    )
    text = "\n".join(
        [
            f"# Time by operator: {arguments.model}, {arguments.sequence} tokens, one thread",
            "",
            f"{processor()}, onnxruntime {ort.__version__}. Milliseconds a run (nodes), median of {arguments.runs}.",
            "",
            *table(found),
            "",
        ]
    )
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(text, encoding="utf-8")
    print(text)


def profile(graphs: dict[str, tuple[Path, list[str] | None, Tokens]], runs: int, folder: Path) -> dict[str, Profile]:
    """Run each graph in turns; a graph is its path, the outputs that are asked for, and its feeds."""
    sessions = {}
    for place, (name, (path, _, _)) in enumerate(graphs.items()):
        options = session_options(threads=1)
        options.enable_profiling = True
        options.profile_file_prefix = str(folder / f"profile-{place}")
        sessions[name] = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    for _ in range(runs + WARM_UP):
        for name, (_, outputs, feeds) in graphs.items():
            sessions[name].run(outputs, feeds)
    found = {}
    for name, session in sessions.items():
        trace = Path(session.end_profiling())
        found[name] = by_operator(json.loads(trace.read_text()))
        trace.unlink()
    return found


def by_operator(events: list[dict]) -> Profile:
    """Sum the time of an operator's nodes for each run, leaving out warm-up, and take the median of the runs."""
    kernels = [event for event in events if event.get("cat") == "Node" and event["name"].endswith("_kernel_time")]
    ends = sorted(event["ts"] + event["dur"] for event in events if event["name"] == "model_run")
    sums: list[collections.Counter[str]] = [collections.Counter() for _ in ends]
    nodes: list[collections.Counter[str]] = [collections.Counter() for _ in ends]
    for event in kernels:
        run = next(place for place, end in enumerate(ends) if event["ts"] <= end)
        sums[run][event["args"]["op_name"]] += event["dur"]
        nodes[run][event["args"]["op_name"]] += 1
    names = {name for counted in nodes for name in counted}
    return {
        name: (statistics.median(one[name] for one in sums[WARM_UP:]) / 1e3, nodes[-1][name]) for name in sorted(names)
    }


def table(found: dict[str, Profile]) -> list[str]:
    """Markdown, the costliest operator of ours first."""
    operators = {name for own in found.values() for name in own}
    order = sorted(operators, key=lambda name: [-own.get(name, (0.0, 0))[0] for own in found.values()])
    lines = [["operator", *found], ["---"] * (1 + len(found))]
    for name in order:
        cells = [own.get(name) for own in found.values()]
        lines.append([name, *(f"{cell[0]:.2f} ({cell[1]})" if cell else "–" for cell in cells)])
    lines.append(["all", *(f"{sum(cell[0] for cell in own.values()):.2f}" for own in found.values())])
    return ["| " + " | ".join(line) + " |" for line in lines]


if __name__ == "__main__":
    main()
