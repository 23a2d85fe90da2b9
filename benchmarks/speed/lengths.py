"""Lengths of real texts in tokens. Only lengths are kept: ids are random, since speed does not depend on them."""

import csv
import json
import random
from pathlib import Path

from tokenizers import Tokenizer

SAMPLE = Path(__file__).with_name("lengths.json")


def sampled(texts: int) -> dict[str, list[int]]:
    """Lengths by data set, of texts drawn from public data sets, tokenized as MiniLM does."""
    kept = json.loads(SAMPLE.read_text())
    return {name: found[:texts] for name, found in kept.items()}


def measured(path: Path, tokenizer: Path, texts: int) -> dict[str, list[int]]:
    """Lengths of some of the texts in a JSONL or CSV file with a column `text` (and maybe `text_pair`)."""
    if path.suffix == ".csv":
        with path.open(newline="", encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))
    else:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    if not rows or "text" not in rows[0]:
        raise SystemExit(f"{path}: expected a column 'text', found {', '.join(rows[0]) if rows else 'no rows'}")
    encode = Tokenizer.from_file(str(tokenizer))
    encode.no_padding()
    encode.enable_truncation(512)
    chosen = random.Random(0).sample(rows, min(texts, len(rows)))
    return {path.stem: [len(encode.encode(row["text"], row.get("text_pair"))) for row in chosen]}
