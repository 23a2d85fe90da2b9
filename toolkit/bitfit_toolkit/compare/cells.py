"""Cells of a comparison: finished training runs, one a line of a file that grows."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from bitfit_runtime.errors import first_line
from bitfit_runtime.files import destination
from bitfit_toolkit.errors import DataError


@dataclass(frozen=True, slots=True)
class Cell:
    """One training run.

    `held_out`, `torch` and `engine` are its `metric` on the rows held out of train, and on the evaluation rows in
    torch and in the engine; `engine` is None for methods that leave no pack. `bytes` is the pack's size, or what the
    learned numbers take in float16 (with a 4-byte index each, for `random`). `from_layer` is the first layer that
    learned. Where rates were `measured`, `learning_rate` is how many times they were taken. `auc` is the area under the
    ROC curve of the second of two labels, in what ships; `collapsed` says whether training rows all had one answer.
    Both are None where they were not measured. `encoding` is the pack's, where there is one. `comparison` is the digest
    of what the cells of one comparison share, base, data and options; None in files of before it was kept.
    """

    task: str
    method: str
    examples: int
    steps: int
    seed: int
    learning_rate: float
    metric: str
    held_out: float
    torch: float
    engine: float | None
    encoder_parameters: int
    head_parameters: int
    bytes: int
    seconds: float
    from_layer: int = 0
    measured: bool = False
    auc: float | None = None
    collapsed: bool | None = None
    encoding: str | None = None
    comparison: str | None = None

    @property
    def shipped(self) -> float:
        """The metric of what a user would run: the engine's where there is a pack."""
        return self.torch if self.engine is None else self.engine


class CellFile:
    """The cells of a comparison, each on disk as soon as it is measured. Raises DataError on a malformed file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
            self.cells = [Cell(**json.loads(line)) for line in lines]
        except (ValueError, TypeError) as error:
            raise DataError(
                f"{path} should hold a cell on each line ({first_line(error)}); move it away to start afresh"
            ) from None

    def add(self, cell: Cell) -> None:
        """Append a cell."""
        with destination(self.path).open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(asdict(cell)) + "\n")
        self.cells.append(cell)
