"""What processes take at their peak, beside what their bare imports take, and how long commands take to start.

    python -m memory.run --base BASE --pack PACK [--output FOLDER]

Each figure is of a fresh process: training on many rows and on long documents, answers to lists of texts and to one of
ten million characters. Starts are compared in turns with `import onnxruntime`, by processor time, which neighbours on
the machine disturb least.
"""

import argparse
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from harness.machine import facts
from harness.options import add_base, make_parser, results_of
from harness.processes import run_script
from harness.reports import Table, write_report
from memory.child import MEASURES

CHILD = Path(__file__).with_name("child.py")
TRAINING, ANSWERS = "imports for training", "one short answer"
AIMS = {
    "train, 100,000 short rows": 1000,
    "train, 3,000 documents of 5,000 words": 800,
    "predict, one text of 10 MB": 40,
}  # megabytes over what the imports, or an engine with one short answer, take
STARTS = {"bitfit --help": 1.3, "bitfit inspect": 2.5, "bitfit predict": 6.0}  # multiples of the import
IMPORT = "import onnxruntime"
TURNS = 11


def main() -> None:
    arguments = parse_arguments()
    os.environ |= {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    with TemporaryDirectory() as folder:
        found = {what: run_script(CHILD, what, arguments.base, arguments.pack, folder) for what in MEASURES}
    tables = [peaks(found), starts(arguments.base, arguments.pack)]
    write_report(arguments.output, "Memory at its peak, and starts", facts(), tables)
    print(f"wrote {arguments.output / 'report.md'}")


def parse_arguments() -> argparse.Namespace:
    parser = make_parser(__doc__, results_of("memory"))
    add_base(parser)
    parser.add_argument("--pack", type=Path, required=True, help="a classification pack of the base")
    return parser.parse_args()


def peaks(found: Mapping[str, Mapping[str, float]]) -> Table:
    """Return the peaks beside their aims."""
    rows = []
    for what, figures in found.items():
        bare = found[TRAINING if "train" in what else ANSWERS]["peak_mb"]
        over = figures["peak_mb"] - bare
        aim = AIMS.get(what)
        met = ("–", "–") if aim is None else (f"≤ {aim}", "yes" if over <= aim else "no")
        rows.append((what, f"{figures['peak_mb']:.0f}", f"{over:.0f}", f"{figures.get('seconds', 0):.1f}", *met))
    note = (
        "Megabytes (millions of bytes) of a fresh process at its peak, and how many more than the bare imports "
        "(training) or an engine that gave one short answer; seconds of the call itself."
    )
    return Table("Peaks", note, ("what", "peak, MB", "more, MB", "seconds", "aim, MB", "met"), rows)


def starts(base: Path, pack: Path) -> Table:
    """Start each command in turns with the import, and return the least processor time of each."""
    bitfit = [sys.executable, "-m", "bitfit_toolkit"]
    texts = ["--text", "hello", "--threads", "1"]
    commands: dict[str, list[str]] = {
        IMPORT: [sys.executable, "-c", IMPORT],
        "bitfit --help": [*bitfit, "--help"],
        "bitfit inspect": [*bitfit, "inspect", str(base)],
        "bitfit predict": [*bitfit, "predict", "--base", str(base), "--pack", f"t={pack}", *texts],
    }
    times: dict[str, list[float]] = {what: [] for what in commands}
    runs: dict[str, Callable[[], float]] = {what: partial(processor_ms, command) for what, command in commands.items()}
    for turn in range(TURNS + 1):  # the first compiles modules and fills the page cache
        for what, start in runs.items():
            took = start()
            if turn:
                times[what].append(took)
    least = {what: min(found) for what, found in times.items()}
    rows = []
    for what, milliseconds in least.items():
        ratio, aim = milliseconds / least[IMPORT], STARTS.get(what)
        met = ("–", "–") if aim is None else (f"≤ {aim}", "yes" if ratio <= aim else "no")
        rows.append((what, f"{milliseconds:.0f}", f"{ratio:.2f}", *met))
    note = "Milliseconds of processor time, the least of fresh processes in turns, and as multiples of the import."
    return Table("Starts", note, ("command", "takes, ms", "multiple", "aim", "met"), rows)


def processor_ms(command: list[str]) -> float:
    """Run a command and return the processor time that it took, in milliseconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1e3 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


if __name__ == "__main__":
    main()
