"""Plans of measurement: the whole, for a quiet machine (below 25 minutes on two cores), or a quick look (below 3)."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured.

    `rounds` and `seconds` bound a group of arms. `sequences` are tokens of one text; `batches` are (rows, tokens);
    `mixed_sequences` are tokens of the rows of a mixed batch; `starts` counts fresh processes, `texts` those of real
    lengths, `tasks` those of a process whose memory is measured.
    """

    rounds: int
    seconds: float
    sequences: tuple[int, ...]
    threads: tuple[int, ...]
    batches: tuple[tuple[int, int], ...]
    mixed_sequences: tuple[int, ...]
    starts: int
    texts: int
    sessions: int = 10  # of optimum, for memory, scaled to `tasks`
    tasks: int = 100

    def facts(self) -> dict[str, Any]:
        """Return what makes a result of this plan differ from another's of the same shape."""
        return {key: asdict(self)[key] for key in ("rounds", "seconds")}


FULL = Plan(
    rounds=40,
    seconds=25,
    sequences=(16, 64, 128, 384),
    threads=(1, 2),
    batches=((8, 16), (8, 64), (8, 128), (8, 384), (32, 16), (32, 64)),
    mixed_sequences=(16, 64),
    starts=5,
    texts=32,
)
QUICK = Plan(
    rounds=3,
    seconds=2,
    sequences=(16, 128),
    threads=(1,),
    batches=((8, 16),),
    mixed_sequences=(16,),
    starts=1,
    texts=4,
    sessions=3,
)
