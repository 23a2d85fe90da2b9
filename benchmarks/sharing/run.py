"""Time of several tasks about a text whose lower layers are shared, beside the same rows unshared.

    python -m sharing.run [--models minilm] [--rounds 15]

One thread. What is compared runs in turns, by the CPU time of the process, so that other processes disturb less. Packs
are random, since speed does not depend on their values. Lists are answered by sessions of optimum's models too, one a
task, which `.venv-peers` makes.
"""

import argparse
import itertools
import json
import os
import random
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

from bitfit_runtime import Base, Engine
from harness.clock import Arms, Runs, interleaved, ratio
from harness.machine import facts
from harness.models import BERT, MODELS, export_model
from harness.options import BENCHMARKS, add_models, add_work, make_parser, results_of, silence
from harness.packs import random_pack
from harness.reports import Table, write_report
from harness.sessions import open_session
from sharing.peer import answer_all, fastest
from speed.prepare import PEERS_PYTHON, prepare

TASKS, MESSAGES = 8, 32
PEER_TOKENS = (1, 128, 512, 2048)  # padded tokens of its batches; 1 is a text at a time
LENGTHS = (16, 64, 128)
STARTS = {BERT: 8, "minilm": 3}
# Of 12 layers; the last of six tasks is a head alone.
MIXED = {"from layers 4, 6, 8, 8, 10 of 12, and a head": (4, 6, 8, 8, 10), "one from layer 0": (0, 6, 8, 8, 10)}
AIMS = {(BERT, 16): "≤ 0.52", (BERT, 64): "≤ 0.47", (BERT, 128): "≤ 0.47", ("minilm", 16): "≤ 0.67"} | {
    ("minilm", 128): "≤ 0.60"
}
ROW = tuple[str, ...]


def main() -> None:
    arguments = parse_arguments()
    silence()
    one_text: list[ROW] = []
    heads: list[ROW] = []
    lists: list[ROW] = []
    for model in arguments.models:
        base = export_model(model, arguments.work)
        for length in LENGTHS:
            arms = interleaved(about_one_text(base, length, STARTS[model]), arguments.rounds, clock=time.process_time)
            name = f"{model}, from layer {STARTS[model]} of {base.manifest.layers}"
            one_text.append((name, str(length), *compare(arms, "shared", "unshared"), AIMS.get((model, length), "–")))
            heads.append((model, str(length), *compare(arms, "heads", "a head"), "≤ 1.15"))
            print(one_text[-1], heads[-1], flush=True)
        if model != BERT:
            continue
        peer = fastest(list(prepare(model, arguments.work, arguments.peers_python).optimum.values()), time.process_time)
        for name, starts in MIXED.items():
            arms = interleaved(messages(base, starts, peer), max(arguments.rounds // 3, 3), clock=time.process_time)
            packs, sessions = f"{model}, {name}", f"six sessions of optimum {peer.stem}"
            lists.append((packs, "each task by itself", *compare(arms, "shared", "unshared"), "–"))
            lists.append((packs, sessions, *compare(arms, "shared", "peer"), "≤ 0.55"))
            print(lists[-2:], flush=True)
    head = ("ms", "beside, ms", "ratio (of minima)", "aim")
    tables = [
        Table("Eight tasks about one text", "Beside eight tasks from layer 0.", ("packs", "tokens", *head), one_text),
        Table("Eight heads alone about one text", "Beside one of them.", ("model", "tokens", *head), heads),
        Table("32 messages, six tasks each", "In the best batches of each.", ("packs", "beside", *head), lists),
    ]
    write_report(arguments.output, "Shared layers", facts(), tables)


def about_one_text(base: Base, length: int, start: int) -> Runs:
    """Return calls about a text of so many tokens, by tasks that begin at `start` and by others."""
    engine = Engine(base, threads=1)
    names: dict[str, list[str]] = {"shared": [], "unshared": [], "heads": []}
    for seed in range(TASKS):
        for arm, tasks in names.items():
            tasks.append(f"{arm} {seed}")
            from_layer = start if arm == "shared" else 0
            engine.install(tasks[-1], random_pack(base, seed, from_layer=from_layer, head_only=arm == "heads"))
    text = text_of(length)
    runs = {arm: partial(engine.predict, text, tasks=tasks) for arm, tasks in names.items()}
    return runs | {"a head": partial(engine.predict, text, names["heads"][0])}


def messages(base: Base, starts: tuple[int, ...], peer: Path) -> Runs:
    """Return calls about messages of real lengths by six tasks: at once, each by itself, and by sessions of `peer`.

    Each runs in several sizes of batches.
    """
    lengths = json.loads((BENCHMARKS / "speed/lengths.json").read_text())["banking77"][:MESSAGES]
    draw = random.Random(0)
    texts = [" ".join(draw.choices("abcdefghijklmnop", k=length - 2)) for length in lengths]
    runs: dict[str, Callable[[], object]] = {}
    for tokens in (512, 2048):
        engine = Engine(base, threads=1, max_batch_tokens=tokens, batch_size=tokens // 16)
        tasks = [str(seed) for seed in range(len(starts) + 1)]
        for seed, task in enumerate(tasks):
            head_only = seed == len(starts)
            engine.install(
                task, random_pack(base, seed, from_layer=0 if head_only else starts[seed], head_only=head_only)
            )
        runs[f"shared {tokens}"] = partial(engine.predict, texts, tasks=tasks)
        runs[f"unshared {tokens}"] = partial(each_by_itself, engine, texts, tasks)
    sessions = [open_session(peer, 1) for _ in range(len(starts) + 1)]
    return runs | {f"peer {most}": partial(answer_all, sessions, base, texts, most) for most in PEER_TOKENS}


def each_by_itself(engine: Engine, texts: list[str], tasks: list[str]) -> None:
    for task in tasks:
        engine.predict(texts, task)


def text_of(tokens: int) -> str:
    """Return a text of so many tokens, special ones included, of both models."""
    return " ".join(itertools.islice(itertools.cycle("abcdefghijklmnop"), tokens - 2))


def compare(arms: Arms, name: str, peer: str) -> tuple[str, str, str]:
    """Return the median times of two arms, each the fastest of those whose names begin so, and their ratio."""
    best, other = (min((a for a in arms if a.startswith(n)), key=lambda a: arms[a]["min"]) for n in (name, peer))
    found = ratio({best: arms[best], other: arms[other]}, best, other)
    return f"{arms[best]['median']:.1f}", f"{arms[other]['median']:.1f}", str(found)


def parse_arguments() -> argparse.Namespace:
    parser = make_parser(__doc__, results_of("sharing"))
    add_models(parser, MODELS)
    add_work(parser)
    parser.add_argument("--peers-python", type=Path, default=PEERS_PYTHON, help="the interpreter that has optimum")
    parser.add_argument("--rounds", type=int, default=15, help="how often each call is timed")
    return parser.parse_args()


if __name__ == "__main__":
    main()
