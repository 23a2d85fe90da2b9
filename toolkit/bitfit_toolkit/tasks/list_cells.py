"""Lists that a cell of text spells, as JSON, Python, pandas or numpy write them."""

import ast
import json
import re
import warnings
from typing import Any

QUOTED = r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\""""
ITEM = re.compile(rf"({QUOTED}|-?\d+)(\s*,\s*|\s+|$)", re.DOTALL)


def looks_like_list(cell: str) -> bool:
    """Whether a cell stands in square brackets."""
    text = cell.strip()
    return text.startswith("[") and text.endswith("]")


def parse_list(cell: str) -> list[Any] | None:
    """Return the list that a cell spells, None where it spells none.

    Python joins strings that no comma parts, and numpy writes none: `['a' 'b']` is two strings here.
    """
    if not looks_like_list(cell):
        return None
    try:
        found = json.loads(cell)
    except (ValueError, RecursionError):
        found = _flat(cell.strip()[1:-1].strip())
    if found is None and ("{" in cell or "(" in cell):
        found = parse_literal(cell)
        if not isinstance(found, list) or not all(isinstance(item, (dict, list, tuple)) for item in found):
            return None
    return found if isinstance(found, list) else None


def parse_literal(cell: str) -> Any:
    """Return the value that a cell spells as Python writes it, None where it spells none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # unknown escapes
            return ast.literal_eval(cell.strip())
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return None


def _flat(inside: str) -> list[Any] | None:
    """Return the strings and whole numbers between brackets."""
    items: list[Any] = []
    position = 0
    while position < len(inside):
        found = ITEM.match(inside, position)
        if found is None or found.end() == position:
            return None
        items.append(parse_literal(found[1]))
        position = found.end()
    return None if any(item is None for item in items) else items
