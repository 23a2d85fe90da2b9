"""Latency of one text, throughput of batches, and texts of real lengths: all arms in turns."""

from collections.abc import Mapping, Sequence
from functools import partial

from harness.clock import interleaved, pin
from harness.ledger import Ledger
from speed.arms import FLOOR, RARE, TORCH, TORCH_INT8, Arm, Tokens, make_arms, random_tokens
from speed.plan import Plan
from speed.prepare import Prepared

LATENCY, THROUGHPUT, LENGTHS = "latency", "throughput", "lengths"


def latency(ledger: Ledger, prepared: Prepared, plan: Plan) -> None:
    """Milliseconds for one text, all arms."""
    for threads in plan.threads:
        _measure(ledger, LATENCY, prepared, plan, threads, [(1, sequence) for sequence in plan.sequences])


def throughput(ledger: Ledger, prepared: Prepared, plan: Plan) -> None:
    """Milliseconds for a batch of one task, with the most threads of the plan."""
    _measure(ledger, THROUGHPUT, prepared, plan, plan.threads[-1], plan.batches, (TORCH_INT8, FLOOR))


def lengths(ledger: Ledger, prepared: Prepared, plan: Plan, found: Mapping[str, list[int]]) -> None:
    """Milliseconds for all of some texts, one after another, each at its own length. One thread."""
    shapes = {
        data: {"model": prepared.name, "threads": 1, "data": data, "texts": len(tokens), "tokens": sum(tokens)}
        for data, tokens in found.items()
    }
    if not ledger.missing(LENGTHS, list(shapes.values())):
        return
    pin(1)
    arms = make_arms(prepared, 1, without=(TORCH, TORCH_INT8, FLOOR))
    for data, shape in shapes.items():
        batches = [random_tokens(1, length) for length in found[data]]
        runs = {name: partial(_each, arm, batches) for name, arm in arms.items()}
        ledger.once(LENGTHS, shape, partial(interleaved, runs, plan.rounds, plan.seconds))


def _each(arm: Arm, batches: list[Tokens]) -> None:
    for tokens in batches:
        arm(tokens, 0)


def _measure(
    ledger: Ledger,
    table: str,
    prepared: Prepared,
    plan: Plan,
    threads: int,
    sizes: Sequence[tuple[int, int]],
    without: Sequence[str] = (),
) -> None:
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
