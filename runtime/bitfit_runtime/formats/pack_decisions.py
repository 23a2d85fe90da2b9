"""The field `decisions` of a pack: read with every bound checked, and as it is written."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from bitfit_runtime.decisions import Acceptance, Decisions, Outliers
from bitfit_runtime.errors import PackFormatError
from bitfit_runtime.formats.json_fields import Fields
from bitfit_runtime.graph import LOGITS, POOLED
from bitfit_runtime.tasks import TaskType

TEMPERATURES: Final = (1e-3, 1e3)
SHARES: Final = (0.0, 1.0)
WEIGHTS: Final = (0.0, 1e6)
SPACES: Final = (LOGITS, POOLED)


def decisions_document(decisions: Decisions) -> dict[str, Any]:
    """Return decisions as JSON has them, without what they do not have."""
    return _present(asdict(decisions))


def parse_decisions(fields: Fields, task_type: TaskType, labels: int, where: str) -> Decisions:
    """Read decisions of a pack with so many labels. Raises PackFormatError."""
    if not task_type.decides:
        raise PackFormatError(f"{where}: type {task_type.name} has no decisions; get the pack again")
    for name in ("temperature", "thresholds", "acceptance", "outliers"):
        if name in fields and name not in task_type.decides:
            raise PackFormatError(f"{where}: type {task_type.name} has no {name}; get the pack again")
    rows = fields.get("rows", int)
    if not 1 <= rows <= 1 << 53:
        raise PackFormatError(f"{where}: decisions are fitted on at least 1 row, found {rows}; get the pack again")
    acceptance = outliers = None
    if "acceptance" in fields:
        own = fields.nested("acceptance")
        acceptance = Acceptance(*(_within(own, name, where, SHARES) for name in ("threshold", "max_error", "coverage")))
    if "outliers" in fields:
        own = fields.nested("outliers")
        outliers = Outliers(
            threshold=own.get("threshold", float),
            false_alarms=_within(own, "false_alarms", where, SHARES),
            space=own.choice("space", SPACES),
            weight=_within(own, "weight", where, WEIGHTS),
        )
    return Decisions(
        rows=rows,
        temperature=_within(fields, "temperature", where, TEMPERATURES),
        thresholds=_thresholds(fields, labels, where) if "thresholds" in fields else None,
        acceptance=acceptance,
        outliers=outliers,
    )


def _thresholds(fields: Fields, labels: int, where: str) -> tuple[float, ...]:
    """Return the threshold of each label."""
    found = fields.numbers("thresholds")
    if len(found) != labels or not all(0 <= threshold <= 1 for threshold in found):
        raise PackFormatError(f"{where}: thresholds should be {labels} numbers from 0 to 1; get the pack again")
    return found


def _within(fields: Fields, name: str, where: str, bounds: tuple[float, float]) -> float:
    """Return a number that is within bounds."""
    value, (least, most) = fields.get(name, float), bounds
    if not least <= value <= most:
        raise PackFormatError(f"{where}: {name} should be {least:g} to {most:g}, found {value:g}; get the pack again")
    return value


def _present(fields: Mapping[str, Any]) -> dict[str, Any]:
    nested = {name: _present(value) if isinstance(value, dict) else value for name, value in fields.items()}
    return {name: value for name, value in nested.items() if value is not None}
