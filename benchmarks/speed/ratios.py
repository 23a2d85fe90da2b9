"""Ratios between arms that ran in turns, by medians and by minima."""

from collections.abc import Mapping
from typing import Any, NamedTuple

Arms = Mapping[str, Mapping[str, Any]]


class Ratio(NamedTuple):
    """Below 1 where the first arm is faster."""

    median: float
    least: float

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.least:.2f})"


def ratio(arms: Arms, name: str, peers: str) -> Ratio | None:
    """An arm against the fastest of the arms whose names begin with `peers`; None where one side was not measured."""
    others = [result for other, result in arms.items() if other.startswith(peers) and other != name]
    if name not in arms or not others:
        return None
    median, least = (arms[name][kind] / min(other[kind] for other in others) for kind in ("median", "min"))
    return Ratio(median, least)


def fastest(arms: Arms, peers: str) -> str:
    """The arm of least median among those whose names begin with `peers`, without that beginning."""
    names = [name for name in arms if name.startswith(peers)]
    return min(names, key=lambda name: arms[name]["median"]).removeprefix(peers) if names else "–"
