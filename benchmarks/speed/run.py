"""Speed, memory and size beside peers, all in turns in one process.

    python -m speed.run                  # every table
    python -m speed.run latency mixed    # some
    python -m speed.run --quick          # a look, not a result

What is compared, and how, is in `benchmarks/README.md`. Each result is written as it comes; a second call goes on where
the first stopped, unless the processor, a version, the exported graph or the plan is another.
"""

import argparse
import logging
import os
import warnings
from functools import partial
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # else torch's threads spin on while the next arm is timed

from harness.ledger import Ledger
from harness.machine import cores, processor, versions
from harness.models import MODELS, minilm
from speed.latency import latency, lengths, throughput
from speed.lengths import measured, sampled
from speed.mixed import mixed
from speed.plan import FULL, QUICK
from speed.prepare import ROOT, prepare
from speed.processes import cold_start, disk, memory
from speed.report import write_report
from speed.switch import switch

TABLES = {
    "latency": latency,
    "throughput": throughput,
    "lengths": lengths,
    "mixed": mixed,
    "switch": switch,
    "memory": memory,
    "cold-start": cold_start,
    "disk": disk,
}
RESULTS, WORK = Path(__file__).with_name("results"), ROOT / ".bench"


def main() -> None:
    arguments = parse_arguments()
    plan = QUICK if arguments.quick else FULL
    texts = partial(measured, arguments.data) if arguments.data else None
    logging.disable(logging.WARNING)
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    arguments.work.mkdir(parents=True, exist_ok=True)
    models = [prepare(model, arguments.work, arguments.peers_python) for model in arguments.models]
    facts = {"processor": processor(), "cores": cores(), "versions": versions(), "plan": plan.facts()}
    graphs = {model.name: model.base.manifest.digest[:19] for model in models}
    ledger = Ledger(arguments.output / "results.jsonl", facts, graphs)
    found = texts(minilm() / "tokenizer.json", plan.texts) if texts else sampled(plan.texts)
    tables = TABLES | {"lengths": partial(lengths, found=found)}
    for name in arguments.tables or TABLES:
        for model in models:
            tables[name](ledger, model, plan)
        write_report(ledger, arguments.output)
    print(f"wrote {arguments.output / 'report.md'}")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="*", metavar="TABLE", help=f"some of {', '.join(TABLES)}; default all")
    parser.add_argument("--quick", action="store_true", help="few shapes and rounds")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=MODELS)
    parser.add_argument("--data", type=Path, help="JSONL or CSV with a column 'text', for its lengths")
    parser.add_argument("--output", type=Path, help=f"default {RESULTS.relative_to(ROOT)}, .bench/quick for --quick")
    parser.add_argument("--work", type=Path, default=WORK, help="where graphs are kept")
    parser.add_argument("--peers-python", type=Path, default=ROOT / ".venv-peers/bin/python")
    arguments = parser.parse_args()
    unknown = set(arguments.tables) - TABLES.keys()
    if unknown:
        parser.error(f"unknown table {min(unknown)!r}; choose from {', '.join(TABLES)}")
    arguments.output = arguments.output or (arguments.work / "quick" if arguments.quick else RESULTS)
    return arguments


if __name__ == "__main__":
    main()
