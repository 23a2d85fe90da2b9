"""What it costs that the next text belongs to another task, with both tasks resident."""

from functools import partial

from harness.clock import interleaved, pin
from harness.ledger import Ledger
from speed.arms import FLOOR, HEAD, OPTIMUM, TORCH_INT8, constant, make_arms, open_session, random_tokens
from speed.plan import Plan
from speed.prepare import Prepared

SWITCH = "switch"
SAME, OTHER, LOAD = ": same task", ": other task", ": load a session"
SEQUENCE = 16


def switch(ledger: Ledger, prepared: Prepared, plan: Plan) -> None:
    """Milliseconds for a text of 16 tokens right after one of the same task, or of another. One thread."""
    shape = {"model": prepared.name, "threads": 1, "sequence": SEQUENCE}
    ledger.once(SWITCH, shape, partial(_measure, prepared, plan))


def _measure(prepared: Prepared, plan: Plan) -> dict[str, dict[str, float]]:
    pin(1)
    tokens = random_tokens(1, SEQUENCE)
    # For each arm: the text before, and the timed one.
    pairs = {}
    for name, arm in make_arms(prepared, 1, without=(HEAD, TORCH_INT8, FLOOR)).items():
        first, second = partial(arm, tokens, 0), partial(arm, tokens, 1)
        if name.startswith(OPTIMUM):  # another task is another session
            second = partial(constant(prepared.optimum[name.removeprefix(OPTIMUM)], 1), tokens, 0)
        pairs[name + SAME], pairs[name + OTHER] = (second, second), (first, second)
    runs = {name: timed for name, (_, timed) in pairs.items()}
    path = next(iter(prepared.optimum.values()))
    load = OPTIMUM + path.stem + LOAD
    runs[load] = partial(open_session, path, 1)
    before = {name: earlier for name, (earlier, _) in pairs.items()}
    return interleaved(runs, plan.rounds, plan.seconds, rare=[load], before=before)
