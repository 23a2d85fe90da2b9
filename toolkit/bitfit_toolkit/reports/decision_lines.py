"""Decisions of a pack in lines for people."""

from collections.abc import Mapping
from typing import Any


def decision_lines(decisions: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return a line for each of a pack's decisions, as its file has them."""
    lines = [("temperature", f"{decisions['temperature']:.3f}, fitted on {decisions['rows']:,} rows")]
    if "thresholds" in decisions:
        found = decisions["thresholds"]
        lines.append(("thresholds", f"{min(found):.3f} to {max(found):.3f}, one a label"))
    if "acceptance" in decisions:
        own = decisions["acceptance"]
        of = f"{own['coverage']:.1%} of the rows, at most {own['max_error']:.1%} of these wrong, surely enough (90 %)"
        lines.append(("accepts", f"from a probability of {own['threshold']:.3f} on: {of}"))
    if "outliers" in decisions:
        own = decisions["outliers"]
        of = f"{own['false_alarms']:.1%} of the rows; scores are of {own['space']} vectors"
        lines.append(("outliers", f"above a score of {own['threshold']:.3f}: {of}"))
    return lines
