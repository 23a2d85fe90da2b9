"""Fuzz every target for long, guided by coverage: the first part of `make fuzz`.

    PYTHONPATH=tests python -m security.fuzz.run [--runs 1000000] [TARGET ...]
    PYTHONPATH=tests python -m security.fuzz.run TARGET --replay FILE

The runs are shared out among the targets. What is found stays in the folder's `findings`: replay it, fix the runtime,
and keep the case in `test_fuzz.py`.
"""

import argparse
import re
import subprocess
import sys
import time
from pathlib import Path

from security.fuzz.targets import TARGETS

STATISTICS = ("number_of_executed_units", "peak_rss_mb")


def main() -> None:
    """Run the targets one after another; exit with 1 if any found something."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(TARGETS)}; all by default")
    parser.add_argument("--runs", type=int, default=1_000_000, help="inputs, over all targets")
    parser.add_argument("--folder", type=Path, default=Path(".fuzz"), help="where corpus and findings lie")
    parser.add_argument("--replay", type=Path, help="check this one input")
    arguments = parser.parse_args()
    names = arguments.targets or list(TARGETS)
    if strangers := set(names) - set(TARGETS):
        parser.error(f"no such target: {', '.join(strangers)}")
    if arguments.replay:
        TARGETS[names[0]].fuzz_one(arguments.replay.read_bytes())
    else:
        sound = [run_apart(name, -(-arguments.runs // len(names)), arguments.folder) for name in names]
        sys.exit(not all(sound))


def run_apart(name: str, runs: int, folder: Path) -> bool:
    """Fuzz one target in a process of its own and print what came of it; return whether it found nothing."""
    command = [sys.executable, "-m", "security.fuzz.guided", name, str(runs), str(folder)]
    began = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    seconds = time.perf_counter() - began
    stats = dict(re.findall(r"^stat::(\w+):\s+(\d+)$", done.stderr, re.MULTILINE))
    count, peak = (int(stats.get(key, 0)) for key in STATISTICS)
    print(f"{name:18} {count:9,} inputs  {seconds:5.0f} s  {peak:4} MB at most", flush=True)
    if done.returncode:
        print(done.stdout[-4000:], done.stderr[-4000:], sep="\n", flush=True)
    return done.returncode == 0


if __name__ == "__main__":
    main()
