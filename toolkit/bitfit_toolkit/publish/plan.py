"""Plan of a publication: which roles it signs again, and which should be. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from securesystemslib.signer import Key
from tuf.api.metadata import Targets

from bitfit_toolkit.publish.catalogue import Catalogue
from bitfit_toolkit.publish.repository import State
from bitfit_toolkit.publish.settings import Lifetimes


@dataclass(frozen=True, slots=True)
class Expiry:
    """When the metadata of a role expire or expired; hash bins are counted among targets."""

    role: str
    expires: datetime
    expired: bool


def find_expiring(state: State, lifetimes: Lifetimes, now: datetime, ahead: timedelta) -> list[Expiry]:
    """Return the roles that have expired, or do so within `ahead` and are past half of their lifetime."""
    first: dict[str, datetime] = {}
    for name, expires in state.expires.items():
        role = Targets.type if name in state.targets else name
        first[role] = min(expires, first.get(role, expires))
    return [
        Expiry(role, expires, expires <= now)
        for role, expires in first.items()
        if expires <= now or (expires - now <= ahead and expires - now < lifetimes.of(role) / 2)
    ]


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
