"""The targets that the project set itself, beside what was measured."""

from collections.abc import Callable
from dataclasses import dataclass

from harness.clock import Arms, Ratio, ratio
from harness.ledger import Ledger, Shape
from harness.models import BERT, MINILM
from speed.arms import FLOOR, LORA, OPTIMUM, OURS
from speed.latency import LATENCY
from speed.processes import MEMORY
from speed.processes import OPTIMUM as OPTIMUM_PROCESS
from speed.processes import OURS as OUR_PROCESS
from speed.tasks import MANY, MIXED, ONE, SESSIONS

SEQUENCES = (16, 64, 128, 384)
LORA_QUERY_VALUE = LORA + "query and value"


@dataclass(frozen=True, slots=True)
class Target:
    """`at_most` bounds the ratio that `compare` makes of the group of `table` whose shape has all of `shape`."""

    title: str
    at_most: float
    table: str
    shape: Shape
    compare: Callable[[Arms], Ratio | None]

    def measured(self, ledger: Ledger) -> Ratio | None:
        """Return the ratio; None where the group was not measured."""
        for shape, arms in ledger.groups(self.table):
            if self.shape.items() <= shape.items():
                return self.compare(arms)
        return None


def _one_text(title: str, at_most: float, model: str, sequence: int, peer: str) -> Target:
    """Bound our time for one text on one thread."""
    shape = {"model": model, "threads": 1, "batch": 1, "sequence": sequence}
    return Target(title, at_most, LATENCY, shape, lambda arms: ratio(arms, OURS, peer))


def _mixed(title: str, at_most: float, peer: str) -> Target:
    """Bound our time for a batch of 32 tasks."""
    shape = {"model": BERT, "sequence": 16}
    return Target(title, at_most, MIXED, shape, lambda arms: ratio(arms, MANY, peer))


def _memory(arms: Arms) -> Ratio | None:
    if not {OUR_PROCESS, OPTIMUM_PROCESS} <= arms.keys():
        return None
    value = arms[OUR_PROCESS]["peak_mb"] / arms[OPTIMUM_PROCESS]["peak_mb"]
    return Ratio(value, value)


TARGETS = (
    *(
        _one_text(f"BERT-base shape, {sequence} tokens: ours / fastest optimum", 0.90, BERT, sequence, OPTIMUM)
        for sequence in SEQUENCES
    ),
    _one_text("BERT-base shape, 128 tokens: ours / floor", 1.20, BERT, 128, FLOOR),
    _one_text("MiniLM, 16 tokens: ours / fastest optimum", 0.85, MINILM, 16, OPTIMUM),
    *(
        _one_text(
            f"BERT-base shape, {sequence} tokens: ours / LoRA r8 on query and value",
            0.95,
            BERT,
            sequence,
            LORA_QUERY_VALUE,
        )
        for sequence in SEQUENCES
    ),
    _mixed("BERT-base shape, 16 tokens: 32 rows of 32 tasks / of one task", 1.05, ONE),
    _mixed("BERT-base shape, 16 tokens: 32 rows of 32 tasks / 32 single-task sessions", 0.60, SESSIONS),
    Target(
        "BERT-base shape: peak memory of 100 tasks / of 100 optimum sessions",
        0.05,
        MEMORY,
        {"model": BERT, "tasks": 100},
        _memory,
    ),
)
