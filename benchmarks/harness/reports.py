"""Reports: tables as Markdown, and the same as JSON."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Table:
    """A table of a report: its title, a note on what the figures are, and its rows of text."""

    title: str
    note: str
    header: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]

    def markdown(self) -> str:
        """Return the table with its title and note."""
        return "\n".join([f"## {self.title}", "", self.note, "", *markdown_rows(self.header, self.rows), ""])


def write_report(folder: Path, title: str, facts: Mapping[str, Any], tables: Iterable[Table]) -> None:
    """Write `report.md` and `report.json` into `folder`, without the tables that have no rows."""
    tables = [table for table in tables if table.rows]
    folder.mkdir(parents=True, exist_ok=True)
    heading = [f"# {title}", "", *(f"- {key}: {_plain(value)}" for key, value in facts.items()), ""]
    text = "\n".join([*heading, *(table.markdown() for table in tables)])
    (folder / "report.md").write_text(text, encoding="utf-8")
    write_json(folder / "report.json", {"facts": facts, "tables": [asdict(table) for table in tables]})


def write_json(path: Path, document: object) -> None:
    """Write a document as committed results are written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def markdown_rows(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return the lines of a Markdown table."""
    return [f"| {' | '.join(cells)} |" for cells in (header, ["---"] * len(header), *rows)]


def _plain(value: object) -> str:
    return ", ".join(f"{key} {item}" for key, item in value.items()) if isinstance(value, dict) else str(value)
