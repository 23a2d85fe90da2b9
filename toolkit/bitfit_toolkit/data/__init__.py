"""Labelled examples from files, data sets, data frames and lists: one file a concern, `load_examples` the door.

A source becomes a `Table` (`files.py`, `memory.py`), its columns get roles (`columns.py`), the task type reads each row
(`bitfit_toolkit/tasks`), and labels are made tidy (`labels.py`). Strings stay strings: nothing is guessed from how they
look.
"""

from typing import TYPE_CHECKING

from bitfit_runtime.lazy import lazy_exports

if TYPE_CHECKING:
    from bitfit_toolkit.data.columns import Columns
    from bitfit_toolkit.data.reading import Data, Reading, load_examples, read_examples

__all__ = ["Columns", "Data", "Reading", "load_examples", "read_examples"]

_MODULES = {"Columns": "bitfit_toolkit.data.columns"} | dict.fromkeys(
    ("Data", "Reading", "load_examples", "read_examples"), "bitfit_toolkit.data.reading"
)
__getattr__, __dir__ = lazy_exports(__name__, _MODULES)
