"""A process with the C core alone: `guest.py LIBRARY BASE ROWS PACK …` prints bits as JSON."""

import json
import sys
from pathlib import Path

from native.core import Core

COMPANY = 32  # rows of a list


def main() -> None:
    """Run every row alone, and all of them in lists."""
    library, base, rows_file, *packs = map(Path, sys.argv[1:])
    core = Core(library, base)
    for pack in packs:
        core.install(pack.stem, pack)
    rows = json.loads(rows_file.read_text(encoding="utf-8"))
    alone = [core.logits([row])[0] for row in rows]
    lists = [rows[start : start + COMPANY] for start in range(0, len(rows), COMPANY)]
    together = [bits for some in lists for bits in core.logits(some)]
    found = {
        "kernels": core.kernels(),
        "alone": [bits.hex() for bits in alone],
        "together": [bits.hex() for bits in together],
    }
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
