"""Rates and steps that nobody chose teach tiny random encoders of several families, on int8 and on int4 bases."""

import random
from pathlib import Path

import pytest

from bitfit_exporters import ExportOptions, export
from bitfit_toolkit import Example, TrainOptions, train
from support.checkpoints import make_checkpoint


def texts(count: int, seed: int) -> list[Example]:
    """Return texts of random letters, most of them of the alphabet's first half or of its second."""
    generator = random.Random(seed)
    found = []
    for number in range(count):
        often, seldom = ("abcdefghijklm", "nopqrstuvwxyz")[:: 1 - 2 * (number % 2)]
        words = ["".join(generator.choice(often if generator.random() < 0.8 else seldom) for _ in range(4))]
        words += ["".join(generator.choices(often, k=3)) for _ in range(2)]
        found.append(Example(" ".join(words), None, ("early", "late")[number % 2]))
    return found


@pytest.mark.parametrize(
    ("family", "layers", "precision"),
    [
        ("mpnet", 8, "int8"),
        ("modernbert", 2, "int8"),
        ("electra", 2, "int4"),
    ],
)
def test_a_separable_task_is_learned_and_no_run_collapses(
    tmp_path: Path, family: str, layers: int, precision: str
) -> None:
    checkpoint = make_checkpoint(family, tmp_path / family, layers)
    export(str(checkpoint), tmp_path / "base", ExportOptions(offline=True, precision=precision))
    report = train(tmp_path / "base", texts(160, 0), texts(100, 1), tmp_path / "pack", TrainOptions())
    assert report.rate is not None and not report.rate.collapsed
    assert report.learning_rate == "auto" and report.engine["accuracy"] >= 0.95
