"""Plan of a publication: which roles it signs again. Pure."""

from datetime import datetime

from securesystemslib.signer import Key
from tuf.api.metadata import Targets

from bitfit_toolkit.publish.catalogue import Catalogue
from bitfit_toolkit.publish.repository import State
from bitfit_toolkit.publish.settings import Lifetimes


def arrange(state: State, catalogue: Catalogue, key: Key | None = None) -> dict[str, Targets]:
    """Return the roles that list a catalogue, with bins delegated to `key`; by default that of the root.

    The number of bins never falls: a snapshot must go on listing every role that it once listed.
    """
    [keyid] = state.root.roles[Targets.type].keyids
    return catalogue.arrange(key or state.root.keys[keyid], max(state.bits, catalogue.bits()))


def plan_targets(state: State, catalogue: Catalogue, lifetimes: Lifetimes, now: datetime) -> dict[str, Targets]:
    """Return the roles whose content differs from what is committed, and those past half of their lifetime."""
    arranged, committed = arrange(state, catalogue), state.targets
    top = committed.get(Targets.type)
    if top is None or arranged[Targets.type].delegations != top.delegations:
        return arranged
    return {
        name: targets
        for name, targets in arranged.items()
        if not _same_content(targets, committed[name]) or is_due(state, name, lifetimes, now)
    }


def is_due(state: State, role: str, lifetimes: Lifetimes, now: datetime) -> bool:
    """Whether a role has less than half of its lifetime left."""
    return state.expires[role] - now < lifetimes.of(role) / 2


def _same_content(one: Targets, other: Targets) -> bool:
    return one.targets == other.targets and one.unrecognized_fields == other.unrecognized_fields
