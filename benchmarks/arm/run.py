"""The runtime on ARM and on old x86 under QEMU: rows in company beside the same rows alone, canaries, labels.

    python -m arm.run [--all] [--processors NAME …] [--demo FOLDER] [--output FOLDER]

Builds `.arm/` where it is not there yet (`arm/root.py`) and takes some minutes a processor. What a processor gave is
kept in the folder's results.jsonl, so that a second run goes on where the first stopped. Fails unless every row in
company has the bits that it has alone. Needs qemu-user-static, debootstrap, and what `make demo` made.
"""

import argparse
import hashlib
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arm.root import ROOT, build_root, command_on
from bitfit_runtime import Base
from bitfit_runtime.files import write_file
from bitfit_runtime.formats.base import file_digest
from harness.machine import facts
from harness.options import BENCHMARKS, make_parser, results_of
from harness.options import ROOT as PROJECT
from harness.reports import Table, write_report

GUEST = BENCHMARKS / "arm" / "guest.py"
FROZEN = PROJECT / "tests" / "data" / "frozen"
PROCESSORS = ("cortex-a72", "cortex-a76", "Nehalem")
DRAWS = 60
HERE = "this machine"


def main() -> None:
    """Measure on each processor and write the report."""
    arguments = parse_arguments()
    if not (arguments.demo / "base").is_dir():
        sys.exit(f"no base was found in {arguments.demo}; run make demo, or pass --demo")
    build_root()
    qemu = subprocess.run(["qemu-aarch64-static", "--version"], check=True, capture_output=True, text=True)
    python = next(ROOT.glob("usr/bin/python3.*")).name
    known = facts() | {"emulator": qemu.stdout.splitlines()[0], "Python there": f"{python}, Debian 12"}
    done = Ledger(arguments.output / "results.jsonl", known | tried(arguments))
    results = {}
    for processor in (HERE, *arguments.processors):
        print(f"{processor} …", flush=True)
        results[processor] = done.get(processor) or done.add(processor, measure(processor, arguments))
        write_report(arguments.output, "The runtime on other processors", known, tables(results))
    print((arguments.output / "report.md").read_text(encoding="utf-8"))
    if any(base["rows"]["equal"] != base["rows"]["tried"] for result in results.values() for base in result["bases"]):
        sys.exit("a row in company has other bits than alone")


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = make_parser(__doc__, results_of("arm"))
    parser.add_argument(
        "--all", action="store_true", help="try all 1,550 combinations on the small base, not 60 of them"
    )
    parser.add_argument("--processors", nargs="+", choices=PROCESSORS, default=PROCESSORS, help="try these only")
    parser.add_argument("--demo", type=Path, default=PROJECT / "demo-output", help="folder that `make demo` wrote")
    return parser.parse_args()


@dataclass(frozen=True, slots=True)
class Ledger:
    """What processors gave, one a line. `facts` are part of each line; other facts are other results."""

    path: Path
    facts: Mapping[str, Any]

    def get(self, processor: str) -> dict[str, Any] | None:
        """Return what a processor gave the last time, None where it was not tried with these facts."""
        text = self.path.read_text(encoding="utf-8") if self.path.exists() else ""
        key = {"processor": processor, "facts": self.facts}
        lines = [json.loads(line) for line in text.splitlines()]
        return next((line["result"] for line in reversed(lines) if key.items() <= line.items()), None)

    def add(self, processor: str, result: dict[str, Any]) -> dict[str, Any]:
        """Append a line, and return the result."""
        line = {"processor": processor, "facts": self.facts, "result": result}
        text = self.path.read_text(encoding="utf-8") if self.path.exists() else ""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_file(self.path, f"{text}{json.dumps(line)}\n".encode())  # whole, or as it was
        return result


def tried(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return what else a result depends on: how many combinations, the code, the bases and the packs."""
    code = [*sorted((PROJECT / "runtime").rglob("*.py")), GUEST]
    bases = [Base.open(FROZEN / "base-int8"), Base.open(arguments.demo / "base")]
    return {
        "combinations": "all" if arguments.all else DRAWS,
        "code": hashlib.sha256(b"".join(path.read_bytes() for path in code)).hexdigest(),
        "bases": [base.manifest.digest for base in bases],
        "packs": [file_digest(path) for path in sorted(arguments.demo.glob("*.safetensors"))],
    }


def measure(processor: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """Run `guest.py` on a processor and return what it printed."""
    command = [str(GUEST), str(FROZEN), str(arguments.demo.resolve()), "all" if arguments.all else "drawn", str(DRAWS)]
    whole = [sys.executable, *command] if processor == HERE else command_on(processor, command)
    done = subprocess.run(whole, check=True, stdout=subprocess.PIPE)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def tables(results: dict[str, dict[str, Any]]) -> Sequence[Table]:
    """Return the report's two tables."""
    rows, labels = [], []
    here = results[HERE]
    for processor, result in results.items():
        for base in result["bases"]:
            tried, multiple = base["rows"]["tried"], str(result["multiple"])
            shares = [f"{base['rows'][which]:,} of {tried:,}" for which in ("equal", "equal_unpadded")]
            rows.append((processor, base["name"], str(base["packs"]), multiple, *shares, base["kernels"]))
        same = sum(one == other for one, other in zip(result["labels"], here["labels"], strict=True))
        pairs = zip(result["probabilities"], here["probabilities"], strict=True)
        labels.append((processor, f"{same} of {len(here['labels'])}", f"{max(abs(a - b) for a, b in pairs):.3f}"))
    return [
        Table(
            "Rows in company",
            "Each base passed its full self-test and its packs their canaries. Each row is in a list of rows of other "
            "tasks and lengths; equal are its hidden states and logits to the bit, at widths that are multiples of "
            "what the probe found, and without.",
            ("processor", "base", "packs", "multiple", "equal to alone", "without the multiple", "kernels"),
            rows,
        ),
        Table(
            "Labels",
            "Ten texts for each of the demo's four tasks, beside the answers of this machine.",
            ("processor", "same label", "largest distance of a probability"),
            labels,
        ),
    ]


if __name__ == "__main__":
    main()
