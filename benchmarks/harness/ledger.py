"""The ledger: results on disk, one JSON object a line, so that a second run goes on where the first stopped."""

import datetime
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from harness.clock import Arms, Figures

Shape = Mapping[str, Any]  # what was measured: the model, and whatever else tells groups of a table apart


class Group(NamedTuple):
    """What ran in turns: its shape, and what each arm took."""

    shape: Shape
    arms: dict[str, Figures]


@dataclass(frozen=True, slots=True)
class Ledger:
    """A file of results. `facts` (processor, versions, plan) are part of each line; other facts are other results.

    `graphs` maps the models that are measured to the digest of their base, which a line has too.
    """

    path: Path
    facts: Mapping[str, Any]
    graphs: Mapping[str, str]

    def lines(self) -> list[dict[str, Any]]:
        """Return the results that have this ledger's facts and graphs. A torn line, from a kill, is left out."""
        text = self.path.read_text(encoding="utf-8") if self.path.exists() else ""
        parsed = [found for line in text.splitlines() if (found := _parse(line)) is not None]
        mine = [line for line in parsed if all(line[key] == value for key, value in self.facts.items())]
        return [line for line in mine if line["graph"] == self.graphs.get(line["shape"]["model"])]

    def once(self, table: str, shape: Shape, measure: Callable[[], Arms]) -> None:
        """Measure and append one line an arm, unless this table has a whole group of this shape.

        Each line of a group names all its arms, so that half a group is known as such.
        """
        if not self.missing(table, [shape]):
            return
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        arms = measure()
        lines = [
            {"table": table, "shape": shape, "arm": arm, "result": figures, "group": list(arms), "date": now}
            for arm, figures in arms.items()
        ]
        common = {"graph": self.graphs[shape["model"]], **self.facts}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        torn = self.path.exists() and not self.path.read_bytes().endswith(b"\n")
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write("\n" * torn + "".join(json.dumps({**line, **common}) + "\n" for line in lines))
        for line in lines:
            print(json.dumps({key: line[key] for key in ("table", "shape", "arm", "result")}), flush=True)

    def missing(self, table: str, shapes: Sequence[Shape]) -> list[Shape]:
        """Return the shapes that this table has no whole group of."""
        known = [group.shape for group in self.groups(table)]
        return [shape for shape in shapes if shape not in known]

    def groups(self, table: str) -> list[Group]:
        """Return a table's whole groups, in the order in which they were measured."""
        found: dict[str, tuple[Group, list[str]]] = {}
        for line in self.lines():
            if line["table"] == table:
                key = json.dumps([line["shape"], line["date"]])
                group, _ = found.setdefault(key, (Group(line["shape"], {}), line["group"]))
                group.arms[line["arm"]] = line["result"]
        return [group for group, names in found.values() if set(group.arms) == set(names)]


def _parse(line: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads(line)
    except ValueError:
        return None
    return found
