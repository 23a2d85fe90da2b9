"""A batch of 32 texts that belong to 32 tasks: one run of the engine, or one session or adapter a task."""

import tempfile
from collections.abc import Callable
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from tokenizers import Tokenizer

from bitfit_runtime import Engine, Row
from harness.clock import interleaved, pin
from harness.ledger import Ledger
from harness.machine import available_memory
from harness.packs import write_random_pack
from speed.arms import LORA, OPTIMUM, make_arms, open_session, random_tokens
from speed.plan import Plan
from speed.prepare import Prepared

MIXED = "mixed"
ROWS = 32
ONE, MANY, SESSIONS, ADAPTERS = "ours, one task", "ours, 32 tasks", "optimum, 32 sessions", "LoRA, 32 runs"


def mixed(ledger: Ledger, prepared: Prepared, plan: Plan) -> None:
    """Milliseconds for 32 texts of equal length, tokenization included in every arm. One thread."""
    shapes = [{"model": prepared.name, "threads": 1, "rows": ROWS, "sequence": s} for s in plan.mixed_sequences]
    if missing := ledger.missing(MIXED, shapes):
        pin(1)
        setting = _Setting(prepared)
        for shape in missing:
            ledger.once(MIXED, shape, partial(setting.measure, shape["sequence"], plan))


class _Setting:
    def __init__(self, prepared: Prepared) -> None:
        self._engine = Engine(prepared.base, threads=1)
        with tempfile.TemporaryDirectory() as folder:
            for seed in range(ROWS):
                path = Path(folder, f"{seed}.safetensors")
                write_random_pack(prepared.base, seed, path)
                self._engine.install(str(seed), path)
        self._tokenizer = Tokenizer.from_file(str(prepared.base.tokenizer_path))
        self._adapted = next(iter(make_arms(prepared, 1, only=LORA + "query and value").values()))
        self._sessions = _sessions(prepared)

    def measure(self, sequence: int, plan: Plan) -> dict[str, dict[str, Any]]:
        texts = [" ".join("abcdefgh"[(row + place) % 8] for place in range(sequence - 2)) for row in range(ROWS)]
        turn = cycle(self._sessions)
        runs: dict[str, Callable[[], object]] = {
            ONE: lambda: self._engine.logits([Row(text, "0") for text in texts]),
            MANY: lambda: self._engine.logits([Row(text, str(task)) for task, text in enumerate(texts)]),
            SESSIONS: lambda: [next(turn).run(None, feeds) for feeds in self._encode(texts)],
            ADAPTERS: lambda: [self._adapted(feeds, row % 2) for row, feeds in enumerate(self._encode(texts))],
        }
        found: dict[str, dict[str, Any]] = dict(interleaved(runs, plan.rounds, 2 * plan.seconds))
        found[SESSIONS]["sessions"] = len(self._sessions)
        found[MANY]["bit_identical"] = self._identical(texts)
        return found

    def _identical(self, texts: list[str]) -> bool:
        """Whether each row of the mixed batch equals the same row alone, to the bit."""
        together = self._engine.logits([Row(text, str(task)) for task, text in enumerate(texts)])
        alone = [self._engine.logits([Row(text, str(task))])[0] for task, text in enumerate(texts)]
        return all(np.array_equal(one, other) for one, other in zip(together, alone, strict=True))

    def _encode(self, texts: list[str]) -> list[dict[str, np.ndarray]]:
        fields = {"input_ids": "ids", "attention_mask": "attention_mask", "token_type_ids": "type_ids"}
        encoded = self._tokenizer.encode_batch(texts)
        return [{name: np.array([getattr(e, field)]) for name, field in fields.items()} for e in encoded]


def _sessions(prepared: Prepared) -> list[ort.InferenceSession]:
    """A session a task of optimum's fastest model; fewer, used in turns, where they would take half of the memory."""
    tokens = random_tokens(1, 16)
    arms = make_arms(prepared, 1, only=OPTIMUM)
    times = interleaved({name: partial(arm, tokens, 0) for name, arm in arms.items()}, 10)
    fastest = min(times, key=lambda name: times[name]["median"])
    path = prepared.optimum[fastest.removeprefix(OPTIMUM)]
    affordable = available_memory() / 2 / (2 * path.stat().st_size)
    return [open_session(path, 1) for _ in range(int(max(1, min(ROWS, affordable))))]
