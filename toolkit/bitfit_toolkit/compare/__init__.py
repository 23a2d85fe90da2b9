"""Comparison, side by side, of ways to adapt one encoder to a task. Needs the extra `compare`."""

from typing import TYPE_CHECKING

from bitfit_runtime.lazy import lazy_exports
from bitfit_toolkit.compare.cells import Cell, CellFile
from bitfit_toolkit.compare.plan import DEFAULT_METHODS, Plan
from bitfit_toolkit.compare.table import Row, budget_table, markdown, summarize, write_tables

if TYPE_CHECKING:
    from bitfit_toolkit.compare.protocol import Comparison

__all__ = [
    "DEFAULT_METHODS",
    "Cell",
    "CellFile",
    "Comparison",
    "Plan",
    "Row",
    "budget_table",
    "markdown",
    "summarize",
    "write_tables",
]

__getattr__, __dir__ = lazy_exports(__name__, {"Comparison": "bitfit_toolkit.compare.protocol"}, extra="compare")
