"""What many installed tasks cost: memory a task, calls of other tasks, and the start of a process.

    python -m residency.run

Each figure is of fresh processes, on two models. Results are written as they come; a second call goes on where the
first stopped, unless the processor, a version or the exported graph is another.
"""

import argparse
import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

from harness.ledger import Ledger
from harness.machine import facts
from harness.models import MODELS
from harness.options import add_models, add_work, make_parser, results_of, silence
from residency import report
from residency.measure import Subject, calls, imports, memory, start


def main() -> None:
    arguments = parse_arguments()
    silence()
    arguments.work.mkdir(parents=True, exist_ok=True)
    subjects = [Subject.prepare(model, arguments.work) for model in arguments.models]
    graphs = {subject.name: subject.base.manifest.digest[:19] for subject in subjects}
    ledger = Ledger(arguments.output / "results.jsonl", facts(), graphs)
    for measure in (start, imports, calls, memory):
        for subject in subjects:
            measure(ledger, subject)
            report.write(ledger, arguments.output)
    print(f"wrote {arguments.output / 'report.md'}")


def parse_arguments() -> argparse.Namespace:
    parser = make_parser(__doc__, results_of("residency"))
    add_models(parser, MODELS)
    add_work(parser)
    return parser.parse_args()


if __name__ == "__main__":
    main()
