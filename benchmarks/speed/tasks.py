"""Several tasks at once: a batch of 32 texts of 32 tasks, and a text right after one of another task."""

import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from itertools import cycle
from pathlib import Path

import numpy as np
import onnxruntime as ort
from tokenizers import Tokenizer

from bitfit_runtime import Engine, Row
from harness.clock import Figures, interleaved, pin
from harness.ledger import Ledger
from harness.memory import available_bytes
from harness.packs import write_random_packs
from harness.sessions import open_session
from harness.tokens import Tokens, random_tokens, tokens_of
from speed.arms import FLOOR, HEAD, LORA, OPTIMUM, TASKS, TORCH_INT8, constant, make_arms
from speed.plan import Plan
from speed.prepare import Prepared

MIXED, SWITCH = "mixed", "switch"
ROWS = 32
ONE, MANY, SESSIONS, ADAPTERS = "ours, one task", "ours, 32 tasks", "optimum, 32 sessions", "LoRA, 32 runs"
SAME, OTHER, LOAD = ": same task", ": other task", ": load a session"
SWITCH_SEQUENCE = 16


def mixed(ledger: Ledger, prepared: Prepared, plan: Plan) -> None:
    """Measure milliseconds for 32 texts of equal length, tokenization included in every arm. One thread."""
    shapes = [{"model": prepared.name, "threads": 1, "rows": ROWS, "sequence": s} for s in plan.mixed_sequences]
    if missing := ledger.missing(MIXED, shapes):
        pin(1)
        batch = _MixedBatch(prepared)
        for shape in missing:
            ledger.once(MIXED, shape, partial(batch.measure, shape["sequence"], plan))


def switch(ledger: Ledger, prepared: Prepared, plan: Plan) -> None:
    """Measure milliseconds for a text of 16 tokens right after one of the same task, or of another. One thread."""
    shape = {"model": prepared.name, "threads": 1, "sequence": SWITCH_SEQUENCE}
    ledger.once(SWITCH, shape, partial(_switch, prepared, plan))


class _MixedBatch:
    """An engine with 32 tasks, and what peers need to answer for as many."""

    def __init__(self, prepared: Prepared) -> None:
        self._engine = Engine(prepared.base, threads=1)
        with tempfile.TemporaryDirectory() as folder:
            for task, path in enumerate(write_random_packs(prepared.base, ROWS, Path(folder))):
                self._engine.install(str(task), path)
        self._tokenizer = Tokenizer.from_file(str(prepared.base.tokenizer_path))
        self._adapted = next(iter(make_arms(prepared, 1, only=LORA + "query and value").values()))
        self._sessions = _sessions(prepared)

    def measure(self, sequence: int, plan: Plan) -> dict[str, Figures]:
        texts = [" ".join("abcdefgh"[(row + column) % 8] for column in range(sequence - 2)) for row in range(ROWS)]
        one, many = [Row(text, "0") for text in texts], [Row(text, str(task)) for task, text in enumerate(texts)]
        session = cycle(self._sessions)
        runs: dict[str, Callable[[], object]] = {
            ONE: lambda: self._engine.logits(one),
            MANY: lambda: self._engine.logits(many),
            SESSIONS: lambda: [next(session).run(None, tokens) for tokens in self._tokenize(texts)],
            ADAPTERS: lambda: [self._adapted(tokens, row % TASKS) for row, tokens in enumerate(self._tokenize(texts))],
        }
        times = interleaved(runs, plan.rounds, 2 * plan.seconds)
        return {
            **times,
            SESSIONS: {**times[SESSIONS], "sessions": len(self._sessions)},
            MANY: {**times[MANY], "bit_identical": self._is_bit_identical(many)},
        }

    def _is_bit_identical(self, rows: Sequence[Row]) -> bool:
        """Whether each row of the mixed batch equals the same row alone."""
        together = self._engine.logits(list(rows))
        alone = [self._engine.logits([row])[0] for row in rows]
        return all(np.array_equal(one, other) for one, other in zip(together, alone, strict=True))

    def _tokenize(self, texts: Sequence[str]) -> list[Tokens]:
        return [tokens_of(encoding) for encoding in self._tokenizer.encode_batch(texts)]


def _sessions(prepared: Prepared) -> list[ort.InferenceSession]:
    """A session a task of optimum's fastest model; fewer, used in turns, where they would take half of the memory."""
    tokens = random_tokens(1, 16)
    arms = make_arms(prepared, 1, only=OPTIMUM)
    times = interleaved({name: partial(arm, tokens, 0) for name, arm in arms.items()}, 10)
    fastest = min(times, key=lambda name: times[name]["median"])
    path = prepared.optimum[fastest.removeprefix(OPTIMUM)]
    affordable = available_bytes() / 2 / (2 * path.stat().st_size)
    return [open_session(path, 1) for _ in range(int(max(1, min(ROWS, affordable))))]


def _switch(prepared: Prepared, plan: Plan) -> dict[str, dict[str, float]]:
    pin(1)
    tokens = random_tokens(1, SWITCH_SEQUENCE)
    runs: dict[str, Callable[[], object]] = {}
    before: dict[str, Callable[[], object]] = {}
    for name, arm in make_arms(prepared, 1, without=(HEAD, TORCH_INT8, FLOOR)).items():
        first, second = partial(arm, tokens, 0), partial(arm, tokens, 1)
        if name.startswith(OPTIMUM):  # another task is another session
            second = partial(constant(prepared.optimum[name.removeprefix(OPTIMUM)], 1), tokens, 0)
        runs[name + SAME], before[name + SAME] = second, second
        runs[name + OTHER], before[name + OTHER] = second, first
    path = next(iter(prepared.optimum.values()))
    load = OPTIMUM + path.stem + LOAD
    runs[load] = partial(open_session, path, 1)
    return interleaved(runs, plan.rounds, plan.seconds, rare=[load], before=before)
