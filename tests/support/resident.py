"""A process with one engine that answers many mixed calls and prints what memory it took beside what was promised.

    python -m support.resident BASE CALLS MAX_BATCH_TOKENS MEMORY_LIMIT LARGEST_HEAD

MEMORY_LIMIT 0 is none. Prints bytes as JSON: `promised`, and what the process held more than before the engine, at its
`peak` and in the `end`. Linux alone.
"""

import json
import random
import sys

from bitfit_runtime import Base, Engine, Row
from bitfit_runtime.padding import padding_multiple
from bitfit_runtime.session import products_saturate
from harness.memory import peak_kib, resident_kib
from support.packs import random_pack

LETTERS = "abcdefghijklmnop"


def main() -> None:
    folder, calls, tokens, limit, labels = sys.argv[1], *map(int, sys.argv[2:])
    base = Base.open(folder)
    layers = base.manifest.layers
    sizes = (2, 3, 77, labels, 5, 2, 9, 300)
    packs = [random_pack(base, i, size, from_layer=(i * layers) // len(sizes)) for i, size in enumerate(sizes)]
    padding_multiple(), products_saturate()  # sessions of their own
    before = resident_kib()
    engine = Engine(base, threads=1, max_batch_tokens=tokens, memory_limit=limit or None)
    for i, pack in enumerate(packs):
        engine.install(str(i), pack)
    del packs
    draw = random.Random(0)
    longest = base.manifest.max_length

    def text(most: int) -> str:
        return " ".join(draw.choices(LETTERS, k=draw.randint(1, most)))

    for call in range(calls):
        kind, most = call % 4, (8, 30, longest)[call // 4 % 3]
        if kind == 0:
            engine.predict(text(most), tasks=list(engine.tasks))
        elif kind == 1:
            engine.predict([Row(text(most), draw.choice(list(engine.tasks))) for _ in range(40)])
        elif kind == 2:
            engine.embed([text(longest) for _ in range(8)])
        else:
            engine.predict([text(8) for _ in range(60)], tasks=["0", "5"])
    found = {"promised": engine.memory.total, "peak": 1024 * (peak_kib() - before)}
    sys.stdout.write(json.dumps(found | {"end": 1024 * (resident_kib() - before)}))


if __name__ == "__main__":
    main()
