"""Tables of a report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Table:
    title: str
    note: str
    header: tuple[str, ...]
    rows: list[tuple[str, ...]]

    def markdown(self) -> str:
        lines = [f"## {self.title}", "", self.note, "", _line(self.header), _line(["---"] * len(self.header))]
        return "\n".join([*lines, *map(_line, self.rows), ""])


def heading(title: str, facts: Mapping[str, object]) -> str:
    return "\n".join([f"# {title}", "", *(f"- {key}: {_plain(value)}" for key, value in facts.items()), ""])


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _plain(value: object) -> str:
    return ", ".join(f"{key} {item}" for key, item in value.items()) if isinstance(value, dict) else str(value)
