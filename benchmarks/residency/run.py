"""What many resident tasks cost: memory a task, calls of other tasks, and the start of a process.

    python -m residency.run

Each figure is of fresh processes, on two models. Results are written as they come; a second call goes on where the
first stopped, unless the processor, a version or the exported graph is another.
"""

import argparse
import logging
import os
import warnings
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

from harness.ledger import Ledger
from harness.machine import cores, processor, versions
from harness.models import MODELS, checkpoint
from residency.measure import Subject, calls, imports, memory, start
from residency.report import write_report
from speed.prepare import ROOT, export_once


def main() -> None:
    arguments = parse_arguments()
    logging.disable(logging.WARNING)
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    arguments.work.mkdir(parents=True, exist_ok=True)
    subjects = []
    for model in arguments.models:
        folder = export_once(model, checkpoint(model, arguments.work), arguments.work)
        subjects.append(Subject.prepare(model, folder.resolve()))
    facts = {"processor": processor(), "cores": cores(), "versions": versions()}
    graphs = {subject.name: subject.base.manifest.digest[:19] for subject in subjects}
    ledger = Ledger(arguments.output / "results.jsonl", facts, graphs)
    for measure in (start, imports, calls, memory):
        for subject in subjects:
            measure(ledger, subject)
            write_report(ledger, arguments.output)
    print(f"wrote {arguments.output / 'report.md'}")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", choices=MODELS, default=MODELS)
    parser.add_argument("--output", type=Path, default=Path(__file__).with_name("results"))
    parser.add_argument("--work", type=Path, default=ROOT / ".bench", help="where bases and packs are kept")
    return parser.parse_args()


if __name__ == "__main__":
    main()
