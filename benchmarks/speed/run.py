"""Speed, memory and size beside peers, all in turns in one process.

    python -m speed.run                  # every table
    python -m speed.run latency mixed    # some
    python -m speed.run --quick          # a look, not a result

What is compared, and how, is in `benchmarks/README.md`. Each result is written as it comes; a second call goes on where
the first stopped, unless the processor, a version, the exported graph or the plan is another.
"""

import argparse
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # else torch's threads spin on while the next arm is timed

from harness.ledger import Ledger
from harness.machine import facts
from harness.models import MODELS, minilm
from harness.options import add_models, add_work, make_parser, results_of, silence
from speed import report
from speed.latency import latency, throughput
from speed.lengths import lengths, lengths_of, sampled_lengths
from speed.plan import FULL, QUICK, Plan
from speed.prepare import PEERS_PYTHON, Prepared, prepare
from speed.processes import cold_start, disk, memory
from speed.tasks import mixed, switch

Measure = Callable[[Ledger, Prepared, Plan], None]

TABLES = ("latency", "throughput", "lengths", "mixed", "switch", "memory", "cold-start", "disk")
RESULTS = results_of("speed")


def main() -> None:
    arguments = parse_arguments()
    plan = QUICK if arguments.quick else FULL
    silence()
    models = [prepare(model, arguments.work, arguments.peers_python) for model in arguments.models]
    graphs = {model.name: model.base.manifest.digest[:19] for model in models}
    ledger = Ledger(arguments.output / "results.jsonl", facts() | {"plan": plan.facts()}, graphs)
    measures = measures_of(arguments.data, plan)
    for name in arguments.tables or TABLES:
        for model in models:
            measures[name](ledger, model, plan)
        report.write(ledger, arguments.output)
    print(f"wrote {arguments.output / 'report.md'}")


def measures_of(data: Path | None, plan: Plan) -> dict[str, Measure]:
    """Return what measures each table; the lengths of texts are those of `data` where it is given."""
    found = sampled_lengths(plan.texts)
    if data is not None:
        found = lengths_of(data, minilm() / "tokenizer.json", plan.texts)
    measures = (latency, throughput, partial(lengths, tokens=found), mixed, switch, memory, cold_start, disk)
    return dict(zip(TABLES, measures, strict=True))


def parse_arguments() -> argparse.Namespace:
    parser = make_parser(__doc__, RESULTS)
    parser.add_argument("tables", nargs="*", metavar="TABLE", help=f"some of {', '.join(TABLES)}; by default all")
    parser.add_argument("--quick", action="store_true", help="few shapes and rounds, into .bench/quick")
    parser.add_argument("--data", type=Path, help="JSONL or CSV with a column 'text', for the lengths of its texts")
    parser.add_argument("--peers-python", type=Path, default=PEERS_PYTHON, help="the interpreter that has optimum")
    add_models(parser, MODELS)
    add_work(parser)
    arguments = parser.parse_args()
    unknown = set(arguments.tables) - set(TABLES)
    if unknown:
        parser.error(f"unknown table {min(unknown)!r}; choose from {', '.join(TABLES)}")
    if arguments.quick and arguments.output == RESULTS:
        arguments.output = arguments.work / "quick"
    return arguments


if __name__ == "__main__":
    main()
