"""Texts of real lengths, one after another.

Only lengths are kept: ids are random, since speed does not depend on them.
"""

import csv
import json
import random
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from tokenizers import Tokenizer

from harness.clock import interleaved, pin
from harness.ledger import Ledger
from harness.tokens import Tokens, random_tokens
from speed.arms import FLOOR, TORCH, TORCH_INT8, Arm, make_arms
from speed.plan import Plan
from speed.prepare import Prepared

LENGTHS = "lengths"
SAMPLE = Path(__file__).with_name("lengths.json")
MAX_LENGTH = 512


def lengths(ledger: Ledger, prepared: Prepared, plan: Plan, tokens: Mapping[str, Sequence[int]]) -> None:
    """Measure milliseconds for all of some texts, each at its own length. One thread.

    `tokens` maps the name of a data set to the lengths of its texts.
    """
    shapes = {
        data: {"model": prepared.name, "threads": 1, "data": data, "texts": len(found), "tokens": sum(found)}
        for data, found in tokens.items()
    }
    if not ledger.missing(LENGTHS, list(shapes.values())):
        return
    pin(1)
    arms = make_arms(prepared, 1, without=(TORCH, TORCH_INT8, FLOOR))
    for data, shape in shapes.items():
        texts = [random_tokens(1, length) for length in tokens[data]]
        runs = {name: partial(_answer_each, arm, texts) for name, arm in arms.items()}
        ledger.once(LENGTHS, shape, partial(interleaved, runs, plan.rounds, plan.seconds))


def sampled_lengths(texts: int) -> dict[str, list[int]]:
    """Return lengths by data set, of texts drawn from public data sets, tokenized as MiniLM does."""
    kept: dict[str, list[int]] = json.loads(SAMPLE.read_text())
    return {name: found[:texts] for name, found in kept.items()}


def lengths_of(path: Path, tokenizer_path: Path, texts: int) -> dict[str, list[int]]:
    """Return lengths of some of the texts in a JSONL or CSV file with a column `text` (and maybe `text_pair`).

    Exits where the column is missing.
    """
    if path.suffix == ".csv":
        with path.open(newline="", encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))
    else:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    if not rows or "text" not in rows[0]:
        raise SystemExit(f"{path}: expected a column 'text', found {', '.join(rows[0]) if rows else 'no rows'}")
    tokenizer = Tokenizer.from_file(str(tokenizer_path))
    tokenizer.no_padding()
    tokenizer.enable_truncation(MAX_LENGTH)
    chosen = random.Random(0).sample(rows, min(texts, len(rows)))
    return {path.stem: [len(tokenizer.encode(row["text"], row.get("text_pair"))) for row in chosen]}


def _answer_each(arm: Arm, texts: Sequence[Tokens]) -> None:
    for tokens in texts:
        arm(tokens, 0)
