"""The aims that the project set itself, beside what was measured."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from harness.ledger import Ledger
from harness.models import BERT, MINILM
from speed.arms import FLOOR, LORA, OPTIMUM, OURS
from speed.latency import LATENCY
from speed.mixed import MANY, MIXED, ONE, SESSIONS
from speed.processes import MEMORY
from speed.processes import OPTIMUM as OPTIMUM_PROCESS
from speed.processes import OURS as OUR_PROCESS
from speed.ratios import Arms, Ratio, ratio


@dataclass(frozen=True, slots=True)
class Target:
    """`at_most` bounds the ratio that `found` makes of the group of `table` whose shape has all of `shape`."""

    title: str
    at_most: float
    table: str
    shape: Mapping[str, Any]
    found: Callable[[Arms], Ratio | None]

    def measured(self, ledger: Ledger) -> Ratio | None:
        """Return the ratio; None where the group was not measured."""
        for shape, arms in ledger.groups(self.table):
            if self.shape.items() <= shape.items():
                return self.found(arms)
        return None


def _one_text(model: str, sequence: int) -> dict[str, Any]:
    return {"model": model, "threads": 1, "batch": 1, "sequence": sequence}


def _memory(arms: Arms) -> Ratio | None:
    if not {OUR_PROCESS, OPTIMUM_PROCESS} <= arms.keys():
        return None
    value = arms[OUR_PROCESS]["peak_mb"] / arms[OPTIMUM_PROCESS]["peak_mb"]
    return Ratio(value, value)


TARGETS = (
    *(
        Target(
            f"BERT-base shape, {sequence} tokens: ours / fastest optimum",
            0.90,
            LATENCY,
            _one_text(BERT, sequence),
            lambda arms: ratio(arms, OURS, OPTIMUM),
        )
        for sequence in (16, 64, 128, 384)
    ),
    Target(
        "BERT-base shape, 128 tokens: ours / floor",
        1.20,
        LATENCY,
        _one_text(BERT, 128),
        lambda arms: ratio(arms, OURS, FLOOR),
    ),
    Target(
        "MiniLM, 16 tokens: ours / fastest optimum",
        0.85,
        LATENCY,
        _one_text(MINILM, 16),
        lambda arms: ratio(arms, OURS, OPTIMUM),
    ),
    *(
        Target(
            f"BERT-base shape, {sequence} tokens: ours / LoRA r8 on query and value",
            0.95,
            LATENCY,
            _one_text(BERT, sequence),
            lambda arms: ratio(arms, OURS, LORA + "query and value"),
        )
        for sequence in (16, 64, 128, 384)
    ),
    Target(
        "BERT-base shape, 16 tokens: 32 rows of 32 tasks / of one task",
        1.05,
        MIXED,
        {"model": BERT, "sequence": 16},
        lambda arms: ratio(arms, MANY, ONE),
    ),
    Target(
        "BERT-base shape, 16 tokens: 32 rows of 32 tasks / 32 single-task sessions",
        0.60,
        MIXED,
        {"model": BERT, "sequence": 16},
        lambda arms: ratio(arms, MANY, SESSIONS),
    ),
    Target(
        "BERT-base shape: peak memory of 100 tasks / of 100 optimum sessions",
        0.05,
        MEMORY,
        {"model": BERT, "tasks": 100},
        _memory,
    ),
)
