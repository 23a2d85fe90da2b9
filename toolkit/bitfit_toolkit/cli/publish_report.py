"""Report of `bitfit publish` on a repository."""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from bitfit_toolkit.cli.output import print_json, print_pairs, print_table
from bitfit_toolkit.errors import PublishError

if TYPE_CHECKING:  # these need the extra `publish`
    from bitfit_runtime.updates.schema import Release
    from bitfit_toolkit.publish import Publisher
    from bitfit_toolkit.publish.repository import State


WARN_DAYS: Final = 14
REMEDIES: Final = {"root": "refresh --root", "targets": "refresh --targets"}


def report_expiry(publisher: "Publisher", warn_days: float | None = None) -> None:
    """Warn of what expires soon. Raises PublishError for what has expired, or does so within `warn_days`, if given."""
    found = publisher.expiring(WARN_DAYS if warn_days is None else warn_days)
    if not found:
        return
    said = "; ".join(
        f"{one.role} {'expired' if one.expired else 'expires'} at {one.expires.isoformat()}, renew it with 'bitfit "
        f"publish {REMEDIES.get(one.role, 'refresh')}'"
        for one in found
    )
    expired = any(one.expired for one in found)
    if expired or warn_days is not None:
        raise PublishError(f"{said}{'; until then devices accept no update' if expired else ''}")
    sys.stderr.write(f"warning: {said}\n")


def print_roles(publisher: "Publisher", json: bool) -> None:
    """Print versions, keys and expiry of what is committed."""
    roles = _roles(publisher.state())
    if json:
        print_json({"roles": roles})
    else:
        print_pairs(_lines(roles))


def print_state(publisher: "Publisher", json: bool) -> None:
    """Print everything that is committed."""
    state = publisher.state()
    roles, catalogue = _roles(state), state.catalogue
    if json:
        print_json(
            {
                "repository": str(publisher.layout.folder),
                "roles": roles,
                "bins": 1 << state.bits if state.bits else 0,
                "bases": dict(catalogue.bases),
                "releases": [asdict(release) for release in catalogue.releases.values()],
                "withdrawn": dict(catalogue.withdrawn),
            }
        )
        return
    print_pairs(_lines(roles))
    if catalogue.withdrawn:
        print_pairs([("withdrawn", ", ".join(f"{path} ({last})" for path, last in catalogue.withdrawn.items()))])
    _print_table(catalogue.releases.values(), "nothing published")


def print_releases(releases: "Sequence[Release]", json: bool) -> None:
    """Print releases, one per line."""
    if json:
        print_json({"releases": [asdict(release) for release in releases]})
        return
    _print_table(releases, "nothing new")


def _print_table(releases: "Iterable[Release]", empty: str) -> None:
    rows = [
        (r.task, str(r.number), r.base[:15], f"{r.size:,}", ", ".join(f"{k} {v:.4g}" for k, v in r.metrics.items()))
        for r in releases
    ]
    print_table(("task", "release", "base", "bytes", "metrics"), rows or [(empty, "", "", "", "")])


Roles = dict[str, dict[str, Any]]


def _roles(state: "State") -> Roles:
    """Return version, keys and expiry by role; targets expire with the first of their bins."""
    parts = {role: (role,) for role in ("root", "snapshot", "timestamp")} | {"targets": tuple(state.targets)}
    return {
        role: {
            "version": state.versions[role],
            "expires": min(state.expires[name] for name in names).isoformat(),
            "keys": list(state.root.roles[role].keyids),
        }
        for role, names in parts.items()
    }


def _lines(roles: Roles) -> list[tuple[str, str]]:
    return [
        (role, f"version {facts['version']}, until {facts['expires']}, key {', '.join(k[:8] for k in facts['keys'])}")
        for role, facts in roles.items()
    ]
