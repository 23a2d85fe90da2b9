"""Encoding auto takes the smallest pack that answers as float32 does, as far as the examples can tell."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from bitfit_runtime import Base
from bitfit_toolkit import Example, TrainOptions, train
from bitfit_toolkit.training import pack_encoding
from bitfit_toolkit.training.bootstrap import is_as_good
from support.command_line import ROWS

EXAMPLES = [Example(text, None, label) for text, label in ROWS]


def test_the_smallest_encoding_is_taken_that_leaves_answers_as_they_are(
    base: Base, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = TrainOptions(max_steps=1, tolerance=1.0)
    coarsest = train(base, EXAMPLES, EXAMPLES, tmp_path / "coarsest", short)
    assert coarsest.encoding == "int3" and coarsest.encodings_tried.keys() == {"float32", "int3"}
    assert coarsest.encodings_tried["int3"].agreement == 1.0
    monkeypatch.setattr(pack_encoding, "STAYS", 1.01)
    finer = train(base, EXAMPLES, EXAMPLES, tmp_path / "finer", short)
    assert finer.encoding == "int8" and finer.encodings_tried.keys() == {"float32", "int3", "int4", "int8"}
    numbers = [Example(text, None, float(len(text))) for text, _ in ROWS]
    scored = train(base, numbers, numbers, tmp_path / "scored", replace(short, task_type="regression"))
    assert scored.encoding == "int3" and scored.encodings_tried["int3"].agreement is None
    named = train(base, EXAMPLES, EXAMPLES, tmp_path / "named", replace(short, encoding="int2"))
    assert named.encoding == "int2" and named.encodings_tried.keys() == {"int2"}


@pytest.mark.parametrize(
    ("rows", "lost", "won", "tolerance", "expected"),
    (
        (80, 1, 0, 0.0, True),  # one answer of few is within its own error
        (500, 9, 8, 0.0, True),  # as many are won as lost, but for one
        (500, 9, 0, 0.0, False),
        (500, 9, 0, 0.02, True),
        (500, 0, 3, 0.0, True),
    ),
)
def test_what_rows_cannot_tell_from_float32_is_as_good(
    rows: int, lost: int, won: int, tolerance: float, expected: bool
) -> None:
    own = [0] * lost + [1] * (rows - lost)
    other = [1] * (rows - won) + [0] * won

    def values(some: Sequence[int]) -> tuple[float, float]:
        return sum(own[row] for row in some) / len(some), sum(other[row] for row in some) / len(some)

    assert is_as_good(values, rows, tolerance, seed=0) is expected
