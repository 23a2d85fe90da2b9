"""How long commands take to start, beside `import onnxruntime`.

    python -m starts.run --base BASE

Fresh processes in turns. Their processor time counts, which neighbours on the machine disturb least.
"""

import argparse
import os
import resource
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from bitfit_runtime import Base, write_pack
from harness.clock import summary
from harness.machine import facts
from harness.options import add_base, make_parser, results_of
from harness.packs import random_pack
from harness.reports import Table, write_report

IMPORT: Final = "import onnxruntime"
AIMS: Final = {"bitfit --help": 1.3, "bitfit inspect PACK": 2.5, "bitfit predict": 6.0}  # multiples of the import
NOTE: Final = (
    "Milliseconds of processor time, kernel's included, of fresh processes in turns: median, in brackets minimum; and "
    "the same as multiples of the import."
)
Times = Mapping[str, Sequence[float]]


def main() -> None:
    arguments = parse_arguments()
    os.environ |= {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "OMP_NUM_THREADS": "1"}
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed program's modules are compiled
    base = Base.open(arguments.base)
    with TemporaryDirectory() as folder:
        pack = write_pack(random_pack(base, 0), Path(folder, "pack.safetensors"))
        found = measure(commands(base.folder, pack), arguments.rounds)
    about = facts() | {"base": f"{base.manifest.name}, {base.manifest.precision}"}
    write_report(arguments.output, "Starts of commands", about, [starts(found)])
    print(f"wrote {arguments.output / 'report.md'}")


def parse_arguments() -> argparse.Namespace:
    parser = make_parser(__doc__, results_of("starts"))
    add_base(parser)
    parser.add_argument("--rounds", type=int, default=15, help="processes of each command")
    return parser.parse_args()


def commands(base: Path, pack: Path) -> dict[str, list[str]]:
    """Return what is compared, as command lines."""
    bitfit = [sys.executable, "-m", "bitfit_toolkit"]
    return {
        IMPORT: [sys.executable, "-c", IMPORT],
        "bitfit --help": [*bitfit, "--help"],
        "bitfit inspect PACK": [*bitfit, "inspect", str(pack)],
        "bitfit inspect BASE": [*bitfit, "inspect", str(base)],
        "bitfit predict": [*bitfit, "predict", "--base", str(base), "--pack", f"t={pack}", "--text", "hello"],
    }


def measure(compared: Mapping[str, list[str]], rounds: int) -> Times:
    """Run every command once a round; a first round compiles modules and fills the page cache."""
    times: dict[str, list[float]] = {what: [] for what in compared}
    for number in range(rounds + 1):
        for what, command in compared.items():
            took = processor_ms(command)
            if number:
                times[what].append(took)
    return times


def processor_ms(command: list[str]) -> float:
    """Run a command and return the processor time that it took, in milliseconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1e3 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def starts(times: Times) -> Table:
    """Return the times beside those of the import, and the aims; a ratio is of medians."""
    figures = {what: summary(found) for what, found in times.items()}
    bare, rows = figures[IMPORT], []
    for what, own in figures.items():
        ratio, least = own["median"] / bare["median"], own["min"] / bare["min"]
        aim = AIMS.get(what)
        met = ("–", "–") if aim is None else (f"≤ {aim}", "yes" if ratio <= aim else "no")
        rows.append((what, f"{own['median']:.0f} ({own['min']:.0f})", f"{ratio:.2f} ({least:.2f})", *met))
    return Table("Starts", NOTE, ("command", "takes, ms", "multiple", "aim", "met"), rows)


if __name__ == "__main__":
    main()
