"""What an update costs a device: bytes moved, time from the download to the first answer, delay of other requests.

python -m updates.run --base BASE [--output FILE]
"""

import argparse
import json
from typing import Any

from bitfit_runtime import Engine
from harness.machine import facts
from harness.options import add_base, make_parser, results_of
from harness.reports import write_json
from updates.delays import activations, replacements
from updates.traffic import traffic

TASKS = (10, 1_000)


def main() -> None:
    arguments = parse_arguments()
    engine = Engine(arguments.base, threads=1)
    found: dict[str, Any] = facts() | {"base": engine.base.manifest.name}
    found |= activations(engine, arguments.rounds)
    found |= replacements(engine, arguments.rounds)
    found |= {f"{tasks} tasks, bytes": traffic(engine.base, tasks) for tasks in TASKS}
    write_json(arguments.output, found)
    print(json.dumps(found, indent=1))


def parse_arguments() -> argparse.Namespace:
    parser = make_parser(__doc__, results_of("updates") / "report.json")
    add_base(parser)
    parser.add_argument("--rounds", type=int, default=40, help="releases that are activated; 20 times as many requests")
    return parser.parse_args()


if __name__ == "__main__":
    main()
