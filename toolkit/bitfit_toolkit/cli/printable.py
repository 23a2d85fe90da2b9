"""Foreign text at a terminal: texts, labels, names and paths, which nobody vouches for.

Rich takes square brackets for markup, and a terminal takes control characters for commands: everything that is printed
goes through `printable` and, in a table, through `cell`.
"""

import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.text import Text

JOINERS = "\u200c\u200d"  # parts of emoji, and of words in some scripts


def printable(text: object) -> str:
    """Return text as one line that is safe to print: controls, line ends and marks of direction are escaped."""
    value = str(text)
    return value if value.isprintable() else "".join(c if _is_shown(c) else ascii(c)[1:-1] for c in value)


def cell(text: object) -> "Text":
    """Return text as rich shows it without reading it as markup."""
    from rich.text import Text

    return Text(printable(text))


def _is_shown(character: str) -> bool:
    return character.isprintable() or character in JOINERS or unicodedata.category(character) == "Zs"
