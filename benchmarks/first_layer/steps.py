"""Time of a training step from a layer, the trunk below it kept, beside one of every layer.

    python -m first_layer.steps --base BASE [--start 8] [--rounds 7] [--output FILE]

Steps take turns, each on the same rows: batch, hidden states, forward, backward, optimizer. Seconds are CPU time of the
process with one thread, which neighbours on the machine disturb least. `first` is what the trunk of a batch costs once.
"""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import replace
from statistics import median

import numpy as np
import torch

from bitfit_runtime import Base
from bitfit_runtime.tokenized_text import TokenizedText
from bitfit_toolkit import Example, TrainOptions
from bitfit_toolkit.training.run import Run
from harness.machine import processor
from harness.options import add_base, make_parser, results_of, silence
from harness.reports import write_json

SHAPES = ((16, 16), (16, 64), (16, 128))  # batch, tokens
EXAMPLES = [Example("a", label=label) for label in "ab"]


def main() -> None:
    arguments = parse_arguments()
    silence()
    torch.set_num_threads(1)
    base = Base.open(arguments.base)
    found = {
        f"batch {rows}, {tokens} tokens": measure(base, arguments.start, rows, tokens, arguments.rounds)
        for rows, tokens in SHAPES
    }
    about = {"processor": processor(), "torch": torch.__version__, "threads": 1, "base": base.manifest.name}
    result = about | {"start": arguments.start, "layers": base.manifest.layers, "cpu_seconds": found}
    write_json(arguments.output, result)
    print(json.dumps(result, indent=1))


def measure(base: Base, start: int, rows: int, tokens: int, rounds: int) -> dict[str, float]:
    """Return CPU seconds of a step from layer 0 and from `start`, and the ratio of their minima."""
    steps = {"every layer": make_step(base, 0, rows, tokens), "from layer": make_step(base, start, rows, tokens)}
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(rounds + 1):
        for name, step in steps.items():
            began = time.process_time()
            step()
            times[name].append(time.process_time() - began)
    first = times["from layer"][0] - min(times["from layer"][1:])
    found = {name: own[1:] for name, own in times.items()}
    figures = {f"{name}, {of.__name__}": of(own) for name, own in found.items() for of in (min, median)}
    ratios = {of.__name__: of(found["from layer"]) / of(found["every layer"]) for of in (min, median)}
    return figures | {f"ratio of {name}": ratio for name, ratio in ratios.items()} | {"first": first}


def make_step(base: Base, start: int, rows: int, tokens: int) -> Callable[[], None]:
    """Return a step of training on random tokens `[rows, tokens]`, from a layer on."""
    run = Run.start(base, EXAMPLES, TrainOptions(from_layer=start, device="cpu"))
    model, generator = run.model.train(), np.random.default_rng(0)
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], 1e-4, fused=True)
    (item,) = run.preprocessor.prepare(EXAMPLES[:1]).items
    texts = [
        TokenizedText(
            generator.integers(1000, 9000, tokens).astype(np.int32),
            np.zeros(tokens, np.uint8),
            np.zeros((tokens, 2), np.int32),
            (range(tokens), range(0)),
            (False, False),
        )
        for _ in range(rows)
    ]
    items = [replace(item, texts=(text,), target=index % 2) for index, text in enumerate(texts)]

    def step() -> None:
        model(**run.preprocessor.collate(items))["loss"].backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


def parse_arguments() -> argparse.Namespace:
    parser = make_parser(__doc__, results_of("first_layer") / "steps.json")
    add_base(parser)
    parser.add_argument("--start", type=int, default=8, help="first layer that learns")
    parser.add_argument("--rounds", type=int, default=7, help="steps that are timed")
    return parser.parse_args()


if __name__ == "__main__":
    main()
