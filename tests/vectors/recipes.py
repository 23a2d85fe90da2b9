"""Texts of the vectors: strings, or recipes of long ones."""

from typing import TypedDict


class Recipe(TypedDict):
    """Strings, each so many times, end to end."""

    repeat: list[tuple[str, int]] | list[list[str | int]]


def text_of(text: str | Recipe) -> str:
    """Return the text itself."""
    if isinstance(text, str):
        return text
    return "".join(str(part) * int(times) for part, times in text["repeat"])
