"""What runs under QEMU: self-test, canaries, rows in company beside the same rows alone, and labels."""

import csv
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import onnxruntime as ort

from bitfit_runtime import Engine, Row, read_pack
from bitfit_runtime.canary import check_canary
from bitfit_runtime.padding import Padding, padding_multiple
from bitfit_runtime.session import products_saturate
from bitfit_runtime.tasks import Prediction

SPECIAL = 2  # tokens that a text has besides its words
LENGTHS, MORE = range(3, 53), range(31)  # tokens of a row, and how much padding its company brings: 1,550 combinations
DRAWN_LENGTHS, DRAWN_MORE = range(3, 25), range(9)
EACH = 5  # drawn rows a list
TEXTS_EACH = 10
DATA = Path(__file__).parents[2] / "examples" / "data"


@dataclass(frozen=True, slots=True)
class Company:
    """One list: rows of `lengths` tokens, and one of `longest`, which is not counted."""

    lengths: tuple[int, ...]
    longest: int


@dataclass(frozen=True, slots=True)
class Rows:
    """Of `tried` rows in company, how many had the bits that they have alone, and how many without padding for it."""

    tried: int
    equal: int
    equal_unpadded: int


@dataclass(frozen=True, slots=True)
class BaseResult:
    """A base that loaded, passed its full self-test and the canaries of `packs` packs."""

    name: str
    load_seconds: float
    kernels: str
    packs: int
    rows: Rows


@dataclass(frozen=True, slots=True)
class Result:
    """Everything from one processor. `labels` and `probabilities` are the demo's answers, text by text."""

    onnxruntime: str
    multiple: int
    products_saturate: bool
    bases: list[BaseResult]
    labels: list[str]
    probabilities: list[float]


def main() -> None:
    """Measure, and print the result as JSON: `guest.py FROZEN DEMO all|drawn DRAWS`, in one process."""
    frozen, demo, which, draws = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
    small = load(frozen / "base-int8", sorted((frozen / "packs-int8").glob("*-int4.safetensors")))
    real = load(demo / "base", sorted(demo.glob("*.safetensors")))
    bases = [check(*small, every() if which == "all" else drawn(draws)), check(*real, drawn(draws))]
    labels, probabilities = answer(real[0])
    found = Result(ort.__version__, padding_multiple(), products_saturate(), bases, labels, probabilities)
    sys.stdout.write(json.dumps(asdict(found)))


def every() -> list[Company]:
    """Return every combination of a length and a padding, in a list for each width."""
    widths = range(LENGTHS[0], LENGTHS[-1] + MORE[-1] + 1)
    return [Company(tuple(length for length in LENGTHS if width - length in MORE), width) for width in widths]


def drawn(rows: int) -> list[Company]:
    """Return lists of `rows` rows in all, the same on every machine."""
    generator = np.random.default_rng(0)
    lists = [tuple(map(int, generator.choice(DRAWN_LENGTHS, EACH))) for _ in range(rows // EACH)]
    return [Company(lengths, max(lengths) + int(generator.choice(DRAWN_MORE))) for lengths in lists]


def load(base: Path, packs: Sequence[Path]) -> tuple[Engine, float]:
    """Load a base with its full self-test, and the packs with their canaries; whatever fails raises."""
    start = time.perf_counter()
    engine = Engine(base, threads=1, self_test="full", max_batch_tokens=1 << 16)  # a list is one batch
    seconds = time.perf_counter() - start
    for path in packs:
        pack = read_pack(path)
        assert pack.canary is not None, path
        check_canary(engine, pack)
        engine.install(path.stem, pack)
    return engine, seconds


def check(engine: Engine, load_seconds: float, lists: Sequence[Company]) -> BaseResult:
    """Compare rows in company with the same rows alone, as the engine pads them and without."""
    equal = count_equal(engine, lists)
    unpadded = engine.fork()
    unpadded._packs = engine._packs
    unpadded._padding = Padding(1, engine.base.manifest.max_length)
    tried = sum(len(one.lengths) for one in lists)
    rows = Rows(tried, equal, count_equal(unpadded, lists))
    manifest, seconds = engine.base.manifest, round(load_seconds, 1)
    return BaseResult(manifest.name, seconds, engine.kernel_fingerprint, len(engine.tasks), rows)


def count_equal(engine: Engine, lists: Sequence[Company]) -> int:
    """Count rows whose hidden states and logits are in company what they are alone, to the bit."""
    words = single_token_words(engine)
    tasks = sorted(name for name, info in engine.tasks.items() if info.labels)  # an embedding has no logits
    alone: dict[Row, bytes] = {}
    equal = 0
    for company in lists:
        rows = [row_of(length, words, tasks) for length in (*company.lengths, company.longest)]
        for row, found in list(zip(rows, outputs(engine, rows), strict=True))[:-1]:
            if row not in alone:
                alone[row] = outputs(engine, [row])[0]
            equal += found == alone[row]
    return equal


def row_of(length: int, words: Sequence[str], tasks: Sequence[str]) -> Row:
    """Return a row of `length` tokens; tasks take turns by length."""
    text = " ".join(words[(length + step) % len(words)] for step in range(length - SPECIAL))
    return Row(text, tasks[length % len(tasks)])


def outputs(engine: Engine, rows: Sequence[Row]) -> list[bytes]:
    """Return the bits of each row's hidden states and logits."""
    both = zip(engine.hidden_states(rows), engine.logits(rows), strict=True)
    return [states.tobytes() + logits.tobytes() for states, logits in both]


def single_token_words(engine: Engine) -> list[str]:
    """Return words that are one token each, so that a text can be made of any length."""
    vocabulary = json.loads(engine.base.tokenizer_path.read_text(encoding="utf-8"))["model"]["vocab"]
    words = [token for token in sorted(vocabulary) if token.isascii() and token.isalpha() and token.islower()]
    return words[:: max(1, len(words) // 97)]


def answer(engine: Engine) -> tuple[list[str], list[float]]:
    """Answer ten texts for each of the demo's tasks in one list."""
    rows = []
    for task in sorted(engine.tasks):
        path = next((DATA / task).glob("eval.*"))
        with path.open(encoding="utf-8", newline="") as file:
            examples = list(csv.DictReader(file)) if path.suffix == ".csv" else [json.loads(line) for line in file]
        rows += [Row(one["text"], task, one.get("text_pair")) for one in examples[:TEXTS_EACH]]
    answers = engine.predict(rows, expect=Prediction)
    return [one.label for one in answers], [one.probability for one in answers]


if __name__ == "__main__":
    main()
