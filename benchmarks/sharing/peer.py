"""The peer of shared layers: a model a task, as optimum makes them, each in a session of its own."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import onnxruntime as ort
from tokenizers import Encoding, Tokenizer

from bitfit_runtime import Base
from harness.clock import interleaved
from harness.sessions import open_session
from harness.tokens import Tokens, random_tokens

CHOICE_ROWS, CHOICE_TOKENS, CHOICE_ROUNDS = 8, 16, 5


def fastest(graphs: Sequence[Path], clock: Callable[[], float]) -> Path:
    """Return the graph that takes the least time for a few short texts."""
    tokens = random_tokens(CHOICE_ROWS, CHOICE_TOKENS)
    runs = {path.stem: partial(open_session(path, 1).run, None, tokens) for path in graphs}
    times = interleaved(runs, CHOICE_ROUNDS, clock=clock)
    return min(graphs, key=lambda path: times[path.stem]["median"])


def answer_all(sessions: Sequence[ort.InferenceSession], base: Base, texts: Sequence[str], most: int) -> None:
    """Answer texts by every session, tokenized once, in batches of at most `most` padded tokens, the longest first."""
    tokenizer = Tokenizer.from_file(str(base.tokenizer_path))
    batches = [padded(batch) for batch in batched(tokenizer.encode_batch(list(texts)), most)]
    for session in sessions:
        for tokens in batches:
            session.run(None, tokens)


def batched(encodings: Sequence[Encoding], most: int) -> list[list[Encoding]]:
    """Part texts of similar length into batches; a single text may be longer than `most`."""
    batches: list[list[Encoding]] = []
    for encoding in sorted(encodings, key=len, reverse=True):
        if batches and (len(batches[-1]) + 1) * len(batches[-1][0]) <= most:
            batches[-1].append(encoding)
        else:
            batches.append([encoding])
    return batches


def padded(encodings: Sequence[Encoding]) -> Tokens:
    """Return texts as inputs `[rows, tokens]`, padded to the longest of them, the first."""
    width = len(encodings[0])
    fields = {
        "input_ids": [encoding.ids for encoding in encodings],
        "attention_mask": [encoding.attention_mask for encoding in encodings],
        "token_type_ids": [encoding.type_ids for encoding in encodings],
    }
    return {name: np.array([row + [0] * (width - len(row)) for row in rows], np.int64) for name, rows in fields.items()}
