"""The C core beside the Python runtime: bits, company, start, memory and size.

    python -m native.run [--build FOLDER] [--demo FOLDER] [--output FOLDER]

Needs what `make demo` made and a release build of runtime/native. Processes start in turns. Fails unless every logit
has Python's bits and every row in company the bits that it has alone.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from bitfit_runtime import Engine, Row
from harness.clock import summary
from harness.machine import facts
from harness.options import BENCHMARKS, make_parser, results_of
from harness.options import ROOT as PROJECT
from harness.processes import run_script
from harness.reports import Table, write_report
from native.rows import demo_rows

STARTS = 15
ANSWER = """
import sys
from bitfit import Engine
engine = Engine(sys.argv[1], threads=1)
engine.install("task", sys.argv[2])
print(engine.predict(sys.argv[3], task="task").label)
"""


def main() -> None:
    """Measure and write the report."""
    arguments = parse_arguments()
    library = arguments.build / "libbitfit.so"
    if not library.exists() or not (arguments.demo / "base").is_dir():
        sys.exit(f"{library} or a base in {arguments.demo} is missing; run make demo, and build runtime/native")
    packs = sorted(arguments.demo.glob("*.safetensors"))
    rows = demo_rows(PROJECT / "examples" / "data", [pack.stem for pack in packs])
    tables = [bits(library, arguments.demo / "base", packs, rows), starts(arguments), size(library)]
    write_report(arguments.output, "The C core beside the Python runtime", facts(), tables)
    print((arguments.output / "report.md").read_text(encoding="utf-8"))
    if any(row[2] != row[3] for row in tables[0].rows):
        sys.exit("a row has other bits than in Python, or in company than alone")


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = make_parser(__doc__, results_of("native"))
    parser.add_argument("--build", type=Path, default=PROJECT / "build", help="folder of the release build")
    parser.add_argument("--demo", type=Path, default=PROJECT / "demo-output", help="folder that `make demo` wrote")
    return parser.parse_args()


def bits(library: Path, base: Path, packs: list[Path], rows: list[Row]) -> Table:
    """Compare logits with Python's, alone and in company."""
    engine = Engine(base, threads=1)
    for pack in packs:
        engine.install(pack.stem, pack)
    expected = [found.tobytes().hex() for found in engine.logits(rows)]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rows.json"
        file.write_text(json.dumps([(row.task, row.text, row.text_pair) for row in rows]), encoding="utf-8")
        found = run_script(BENCHMARKS / "native" / "guest.py", library, base, file, *packs)
    assert found["kernels"] == engine.kernel_fingerprint
    table = []
    for name, one, other in (
        ("logits of C and Python", found["alone"], expected),
        ("rows of C in lists of 32 and alone", found["together"], found["alone"]),
    ):
        equal = sum(left == right for left, right in zip(one, other, strict=True))
        table.append((name, base.name, str(equal), str(len(other))))
    return Table("Bits", "Rows of the demo's four tasks.", ("compared", "base", "equal", "of"), table)


def starts(arguments: argparse.Namespace) -> Table:
    """Start both in turns, each up to its first answer and its end."""
    base, pack = arguments.demo / "base", arguments.demo / "intents.safetensors"
    given = [str(base), str(pack), "My card was declined"]
    commands = {
        "C": [str(arguments.build / "tests" / "example_c"), *given],
        "Python": [sys.executable, "-c", ANSWER, *given],
    }
    measured = run_script(BENCHMARKS / "native" / "turns.py", STARTS, json.dumps(commands))
    times = {name: summary([milliseconds for milliseconds, _ in runs]) for name, runs in measured.items()}
    peaks = {name: sorted(peak for _, peak in runs)[STARTS // 2] for name, runs in measured.items()}
    table: list[tuple[str, ...]] = [
        (name, f"{times[name]['min']:.0f}", f"{times[name]['median']:.0f}", f"{peaks[name]:.0f}") for name in commands
    ]
    ratios = [times["C"][figure] / times["Python"][figure] for figure in ("min", "median")]
    table.append(("C / Python", *(f"{ratio:.2f}" for ratio in ratios), f"{peaks['C'] / peaks['Python']:.2f}"))
    note = f"Whole processes with MiniLM's int8 base and one pack, in {STARTS} turns; files in the system's cache."
    return Table("Start", note, ("", "least, ms", "median, ms", "peak memory, MiB"), table)


def size(library: Path) -> Table:
    """Return the bytes of the stripped library."""
    with tempfile.TemporaryDirectory() as folder:
        stripped = Path(folder) / library.name
        shutil.copy(library, stripped)
        subprocess.run(["strip", str(stripped)], check=True)
        row = (library.name, f"{stripped.stat().st_size / 1000:.0f}")
    return Table("Size", "Stripped, beside ONNX Runtime, zlib and libcrypto.", ("file", "kB"), [row])


if __name__ == "__main__":
    main()
