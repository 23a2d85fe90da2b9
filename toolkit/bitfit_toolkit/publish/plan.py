"""Which roles a publication signs anew. Pure."""

from datetime import datetime

from securesystemslib.signer import Key
from tuf.api.metadata import Targets

from bitfit_toolkit.publish.catalogue import Catalogue
from bitfit_toolkit.publish.repository import State
from bitfit_toolkit.publish.settings import Lifetimes


def arrange(state: State, catalogue: Catalogue, key: Key | None = None) -> dict[str, Targets]:
    """Spread a catalogue over roles as `key` (default: the root's own) delegates them; bins never become fewer."""
    [keyid] = state.root.roles[Targets.type].keyids
    return catalogue.arrange(key or state.root.keys[keyid], max(state.bits, catalogue.bits()))


def plan_targets(state: State, catalogue: Catalogue, lifetimes: Lifetimes, now: datetime) -> dict[str, Targets]:
    """Return the roles whose content differs from what is committed, and those past half of their time."""
    arranged, committed = arrange(state, catalogue), state.targets
    top = committed.get(Targets.type)
    if top is None or arranged[Targets.type].delegations != top.delegations:
        return arranged
    return {
        name: targets
        for name, targets in arranged.items()
        if not _alike(targets, committed[name]) or is_due(state, name, lifetimes, now)
    }


def is_due(state: State, role: str, lifetimes: Lifetimes, now: datetime) -> bool:
    """Whether a role has less than half of its time left."""
    return state.expires[role] - now < lifetimes.of(role) / 2


def _alike(one: Targets, other: Targets) -> bool:
    return one.targets == other.targets and one.unrecognized_fields == other.unrecognized_fields
