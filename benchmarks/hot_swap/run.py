"""Eight threads ask one engine while packs are read from files and replaced ten thousand times.

    python -m hot_swap.run --base BASE [--output FILE]

Fails unless there was no error and every answer is one of the two packs' to the bit.
"""

import argparse
import json
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import psutil

from bitfit_runtime import Base, Engine
from harness.machine import processor
from harness.options import add_base, make_parser, results_of
from harness.packs import write_random_packs
from harness.reports import write_json

TASK = "t"
TEXTS = ["some text", "a longer text than the other one"]
PACKS = 2
WARM_UP = 0.1  # of the replacements


@dataclass(frozen=True)
class Load:
    """What happened under load.

    `answers` counts by pack, `strangers` are answers of neither; the process grew by `grown_bytes` after the warm-up.
    """

    replacements: int
    seconds: float
    answers: tuple[int, ...]
    strangers: int
    errors: tuple[str, ...]
    grown_bytes: int


def main() -> None:
    arguments = parse_arguments()
    base = Base.open(arguments.base)
    with TemporaryDirectory() as folder:
        load = replace_under_load(Engine(base, threads=1), Path(folder), arguments.replacements, arguments.threads)
    result = {"machine": processor(), "base": base.manifest.name, "threads": arguments.threads} | asdict(load)
    write_json(arguments.output, result)
    print(json.dumps(result, indent=1))
    if load.strangers or load.errors:
        raise SystemExit("an answer was of neither pack, or there was none")


def parse_arguments() -> argparse.Namespace:
    parser = make_parser(__doc__, results_of("hot_swap") / "report.json")
    add_base(parser)
    parser.add_argument("--replacements", type=int, default=10_000, help="packs installed after the warm-up")
    parser.add_argument("--threads", type=int, default=8, help="threads that ask")
    return parser.parse_args()


def replace_under_load(engine: Engine, folder: Path, replacements: int, threads: int) -> Load:
    """Write two packs into `folder` and install them in turns, after a warm-up, while `threads` threads ask."""
    files = write_random_packs(engine.base, PACKS, folder)
    valid = []
    for file in files:
        engine.install(TASK, file)
        valid.append(ask(engine))
    counts, errors = [Counter[bytes]() for _ in range(threads)], list[str]()
    done = threading.Event()

    def keep_asking(count: Counter[bytes]) -> None:
        try:
            while not done.is_set():
                count[ask(engine)] += 1
        except Exception as error:
            errors.append(repr(error))

    askers = [threading.Thread(target=keep_asking, args=[count]) for count in counts]
    for asker in askers:
        asker.start()
    try:
        install_in_turns(engine, files, int(replacements * WARM_UP))
        before, start = resident_bytes(), time.perf_counter()
        install_in_turns(engine, files, replacements)
        grown, seconds = resident_bytes() - before, time.perf_counter() - start
    finally:
        done.set()
        for asker in askers:
            asker.join()
    total = sum(counts, Counter[bytes]())
    answers = tuple(total.pop(answer, 0) for answer in valid)
    return Load(replacements, round(seconds, 1), answers, total.total(), tuple(errors), grown)


def ask(engine: Engine) -> bytes:
    """Return the answers to both texts, as bytes that can be compared."""
    return np.concatenate(engine.logits(TEXTS, TASK)).tobytes()


def install_in_turns(engine: Engine, files: Sequence[Path], times: int) -> None:
    for turn in range(times):
        engine.install(TASK, files[turn % len(files)])


def resident_bytes() -> int:
    """Return the memory of this process, on every system: a test of the engine uses it too."""
    return int(psutil.Process().memory_info().rss)


if __name__ == "__main__":
    main()
