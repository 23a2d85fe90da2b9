"""What a call shares: how many rows of each level of the graph are computed for how many requests."""

from collections.abc import Sequence
from dataclasses import dataclass

from bitfit_runtime.inputs import Row
from bitfit_runtime.levels import Levels
from bitfit_runtime.planning import Batch


@dataclass(frozen=True, slots=True)
class LevelSharing:
    """A level of the graph: its first encoder layer, how many layers it has, and the rows that are computed there.

    A text that is answered in windows has a row for each. What comes after the last layer, pooling and heads, belongs
    to the last level.
    """

    from_layer: int
    layers: int
    rows: int


@dataclass(frozen=True, slots=True)
class Sharing:
    """What the engine computes once for several rows of a call: `Engine.explain`.

    `rows` is how many the call has, a text for a task each, `texts` how many different texts they are, and `batches`
    in how many runs of the graph they are answered. `saved` is the share of the layers' work that is not done, 0 to 1.
    """

    rows: int
    texts: int
    batches: int
    levels: tuple[LevelSharing, ...]
    saved: float

    @classmethod
    def of(cls, rows: Sequence[Row], batches: Sequence[Batch], levels: Levels) -> "Sharing":
        """Describe a call by its rows and the batches in which they run, a row in several windows perhaps."""
        texts = {(row.text, row.text_pair) for row in rows}
        counts = [sum(len(batch.levels[level].requests) for batch in batches) for level in range(len(levels))]
        parts = tuple(map(LevelSharing, levels.starts, levels.layers, counts))
        whole = sum(len(batch.rows) for batch in batches) * sum(levels.layers)
        saved = 1 - sum(part.rows * part.layers for part in parts) / whole if whole else 0.0
        return cls(len(rows), len(texts), len(batches), parts, saved)

    def __str__(self) -> str:
        """Return one line for the call and one for each level."""
        rows, texts = _count(self.rows, "row"), _count(self.texts, "text")
        batches = _count(self.batches, "batch", "batches")
        lines = [f"{rows} of {texts} in {batches}: {self.saved:.0%} of the layers' work is shared"]
        for level in self.levels:
            last = level.from_layer + level.layers - 1
            layers = f"layers {level.from_layer} to {last}" if level.layers > 1 else f"layer {level.from_layer}"
            lines.append(f"  {layers if level.layers else 'heads'}: {_count(level.rows, 'row')}")
        return "\n".join(lines)


def _count(number: int, one: str, several: str = "") -> str:
    return f"{number} {one if number == 1 else several or one + 's'}"
