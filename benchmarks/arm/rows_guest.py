"""Under QEMU: `rows_guest.py BASE ROWS PACK …` prints the bits of the Python runtime's logits as JSON."""

import json
import sys
from pathlib import Path

from bitfit_runtime import Engine, Row


def main() -> None:
    """Run every row alone."""
    base, rows_file, *packs = map(Path, sys.argv[1:])
    engine = Engine(base, threads=1)
    for pack in packs:
        engine.install(pack.stem, pack)
    rows = [Row(text, task, pair) for task, text, pair in json.loads(rows_file.read_text(encoding="utf-8"))]
    found = [engine.logits(row)[0].tobytes().hex() for row in rows]
    sys.stdout.write(json.dumps({"kernels": engine.kernel_fingerprint, "alone": found}))


if __name__ == "__main__":
    main()
