"""Latency of one text, and throughput of batches: all arms in turns."""

from collections.abc import Sequence
from functools import partial

from harness.clock import interleaved, pin
from harness.ledger import Ledger
from harness.tokens import random_tokens
from speed.arms import FLOOR, RARE, TORCH_INT8, make_arms
from speed.plan import Plan
from speed.prepare import Prepared

LATENCY, THROUGHPUT = "latency", "throughput"


def latency(ledger: Ledger, prepared: Prepared, plan: Plan) -> None:
    """Measure milliseconds for one text, all arms."""
    for threads in plan.threads:
        _measure(ledger, LATENCY, prepared, plan, threads, [(1, sequence) for sequence in plan.sequences])


def throughput(ledger: Ledger, prepared: Prepared, plan: Plan) -> None:
    """Measure milliseconds for a batch of one task, with the most threads of the plan."""
    _measure(ledger, THROUGHPUT, prepared, plan, plan.threads[-1], plan.batches, (TORCH_INT8, FLOOR))


def _measure(
    ledger: Ledger,
    table: str,
    prepared: Prepared,
    plan: Plan,
    threads: int,
    sizes: Sequence[tuple[int, int]],
    without: Sequence[str] = (),
) -> None:
    """Measure batches of (rows, tokens) with all arms but those in `without`."""
    named = {"model": prepared.name, "threads": threads}
    shapes = ledger.missing(table, [named | {"batch": rows, "sequence": sequence} for rows, sequence in sizes])
    if not shapes:
        return
    pin(threads)
    arms = make_arms(prepared, threads, without=without)
    for shape in shapes:
        tokens = random_tokens(shape["batch"], shape["sequence"])
        runs = {name: partial(arm, tokens, 0) for name, arm in arms.items()}
        ledger.once(table, shape, partial(interleaved, runs, plan.rounds, plan.seconds, RARE))
