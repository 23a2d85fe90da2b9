"""The JavaScript runtime beside the Python runtime: bits, labels, company, speed on one thread, installed packs.

    python -m embed.run [--demo FOLDER] [--output FOLDER]

Needs what `make demo` made, Node, and `npm install` in runtime/js. Calls are made in turns. Fails where a logit of Node
has other bits than Python's, or a row in company others than alone.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from bitfit_runtime import Engine, Row
from embed.wide_pack import write_wide_pack
from harness.machine import facts
from harness.options import ROOT as PROJECT
from harness.options import make_parser, results_of
from harness.reports import Table, write_report
from native.rows import demo_rows

GUEST = Path(__file__).parent / "guest.js"
LENGTHS = (16, 128)  # tokens, of which two are special
TURNS, CALLS = 25, 8
INSTALLS = 200


class Guest:
    """A process of Node that answers questions; `versions` are those of its packages."""

    def __init__(self, kind: str, base: Path, packs: Sequence[Path]) -> None:
        command = ["node", str(GUEST), kind, str(base), *map(str, packs)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.versions = self._read()

    def ask(self, **question: object) -> Any:
        """Ask one question."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        return self._read()

    def _read(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        return json.loads(line) if line else sys.exit("the process of Node failed")


def main() -> None:
    """Measure and write the report."""
    arguments = parse_arguments()
    base, packs = arguments.demo / "base", sorted(arguments.demo.glob("*.safetensors"))
    if not packs:
        sys.exit(f"{arguments.demo} has no packs; run make demo")
    engine = Engine(base, threads=1)
    for pack in packs:
        engine.install(pack.stem, pack)
    guests = {kind: Guest(kind, base, packs) for kind in ("node", "wasm")}
    rows = demo_rows(PROJECT / "examples" / "data", [pack.stem for pack in packs])
    tables = [answers(engine, guests, rows), speed(engine, guests), installing(guests["node"], packs)]
    known = facts() | {"npm": {kind: str(guest.versions) for kind, guest in guests.items()}}
    write_report(arguments.output, "The JavaScript runtime beside the Python runtime", known, tables)
    print((arguments.output / "report.md").read_text(encoding="utf-8"))
    if any(row[2] != row[3] for row in tables[0].rows if row[1] == "bits"):
        sys.exit("a row has other bits than in Python, or in company than alone")


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = make_parser(__doc__, results_of("embed"))
    parser.add_argument("--demo", type=Path, default=PROJECT / "demo-output", help="folder that `make demo` wrote")
    return parser.parse_args()


def answers(engine: Engine, guests: dict[str, Guest], rows: list[Row]) -> Table:
    """Compare logits with Python's, and rows in one list with the same rows alone."""
    asked = [
        {"text": row.text, "task": row.task} | ({"textPair": row.text_pair} if row.text_pair else {}) for row in rows
    ]
    expected, table, count = engine.logits(rows), [], str(len(rows))
    for kind, guest in guests.items():
        found = guest.ask(logits=asked)
        values = [np.frombuffer(bytes.fromhex(one), np.float32) for one in found["alone"]]
        together = sum(one == other for one, other in zip(found["together"], found["alone"], strict=True))
        table.append((f"{kind}, in one list and alone", "bits", str(together), count))
        if found["kernels"] == engine.kernel_fingerprint:
            equal = sum(one.tobytes() == own.tobytes() for one, own in zip(values, expected, strict=True))
            table.append((f"{kind} and Python", "bits", str(equal), count))
        labels = sum(one.argmax() == own.argmax() for one, own in zip(values, expected, strict=True))
        away = np.linalg.norm(np.concatenate(values) - np.concatenate(expected)) / np.linalg.norm(
            np.concatenate(expected)
        )
        table.append((f"{kind} and Python", "labels", str(labels), count))
        table.append((f"{kind} and Python", "relative L2 of all logits", f"{away:.4f}", ""))
    note = "Rows of the demo's four tasks, on MiniLM's int8 base."
    return Table("Answers", note, ("compared", "what", "equal", "of"), table)


def speed(engine: Engine, guests: dict[str, Guest]) -> Table:
    """Time calls of one text in turns, by what they take of the processor: other processes disturb that less."""
    table = []
    for length in LENGTHS:
        text = "lamp " * (length - 2)
        times: dict[str, list[float]] = {"Python": [], **{kind: [] for kind in guests}}
        for turn in range(TURNS + 1):
            found = {kind: guest.ask(time=text, times=CALLS) for kind, guest in guests.items()}
            for name, one in {"Python": timed(engine, text), **found}.items():
                times[name] += [one] if turn else []
        least, middle = min(times["Python"]), median(times["Python"])
        for name, some in times.items():
            figures = (min(some), median(some), min(some) / least, median(some) / middle)
            table.append((str(length), name, *(f"{figure:.2f}" for figure in figures)))
    note = f"The processor's time of a call with one text, one thread: means of {CALLS} calls, in {TURNS} turns."
    header = ("tokens", "runtime", "least, ms", "median, ms", "least / Python's", "median / Python's")
    return Table("Speed", note, header, table)


def timed(engine: Engine, text: str) -> float:
    """Return the milliseconds of the processor that a call takes, a mean of some calls."""
    began = time.process_time()
    for _ in range(CALLS):
        engine.embed(text)
    return 1e3 * (time.process_time() - began) / CALLS


def installing(guest: Guest, packs: Sequence[Path]) -> Table:
    """Time the installation of packs in Node, whatever ONNX Runtime is."""
    found = {f"MiniLM, {pack.stem}": guest.ask(install=str(pack), times=INSTALLS) for pack in packs}
    with TemporaryDirectory() as folder:
        pack = Path(folder) / "wide.safetensors"
        manifest = write_wide_pack(pack)
        found["BERT-base's shape, int4"] = guest.ask(decode=str(pack), manifest=manifest, times=INSTALLS)
    table = [(name, f"{times[0]:.1f}", f"{min(times):.1f}", f"{median(times):.1f}") for name, times in found.items()]
    note = f"The processor's time from bytes to decoded numbers, {INSTALLS} times; the first before code is compiled."
    return Table("Installing a pack", note, ("pack", "first, ms", "least, ms", "median, ms"), table)


if __name__ == "__main__":
    main()
