"""Side-by-side comparison of ways to adapt one encoder to a task."""

from bitfit_toolkit.compare.cells import Cell, CellFile
from bitfit_toolkit.compare.protocol import DEFAULT_METHODS, Comparison, Plan
from bitfit_toolkit.compare.table import Row, markdown, summarize, write_tables

__all__ = ["DEFAULT_METHODS", "Cell", "CellFile", "Comparison", "Plan", "Row", "markdown", "summarize", "write_tables"]
