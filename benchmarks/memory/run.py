"""What processes take in memory at their peak: training, lists of texts, long documents, one huge text.

    python -m memory.run --base BASE

Each figure is of a fresh process with one thread, and of a random pack of the base. Texts are drawn.
"""

import argparse
import os
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from bitfit_runtime import Base, write_pack
from harness.machine import facts
from harness.options import add_base, make_parser, results_of
from harness.packs import random_pack
from harness.processes import run_script
from harness.reports import Table, write_report
from memory.child import IMPORTS, MEASURES

CHILD = Path(__file__).with_name("child.py")
AIMS = {
    "train, 100,000 short rows": 1000,
    "train, 3,000 documents of 5,000 words": 800,
    "predict, one text of 10 MB": 40,
    "predict, one word of 10 MB": 40,
}  # megabytes
NOTE = (
    "Megabytes (millions of bytes) of a fresh process at its peak, and how many more that is than before: than the "
    "imports of training take, or an engine that has answered, with the texts in memory. Seconds of the call itself."
)


def main() -> None:
    arguments = parse_arguments()
    os.environ |= {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "OMP_NUM_THREADS": "1"}
    base = Base.open(arguments.base)
    with TemporaryDirectory() as folder:
        pack = write_pack(random_pack(base, 0), Path(folder, "pack.safetensors"))
        found = {what: run_script(CHILD, what, base.folder, pack, folder) for what in MEASURES}
    about = facts() | {"base": f"{base.manifest.name}, {base.manifest.precision}"}
    write_report(arguments.output, "Memory at its peak", about, [peaks(found)])
    print(f"wrote {arguments.output / 'report.md'}")


def parse_arguments() -> argparse.Namespace:
    parser = make_parser(__doc__, results_of("memory"))
    add_base(parser)
    return parser.parse_args()


def peaks(found: Mapping[str, Mapping[str, float]]) -> Table:
    """Return the peaks beside their aims; of some there is none."""
    rows = []
    for what, figures in found.items():
        more = figures["peak_mb"] - figures.get("before_mb", found[IMPORTS]["peak_mb"])
        aim, seconds = AIMS.get(what), figures.get("seconds")
        met = ("–", "–") if aim is None else (f"≤ {aim}", "yes" if more <= aim else "no")
        took = "–" if seconds is None else f"{seconds:.2f}"
        rows.append((what, f"{figures['peak_mb']:.0f}", "–" if what == IMPORTS else f"{more:.0f}", took, *met))
    return Table("Peaks", NOTE, ("what", "peak, MB", "more, MB", "seconds", "aim, MB", "met"), rows)


if __name__ == "__main__":
    main()
