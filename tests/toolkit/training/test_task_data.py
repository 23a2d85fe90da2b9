"""Data of a task hold what is kept of long documents, not what was cut off."""

from pathlib import Path

import pytest

from bitfit_runtime import Base
from bitfit_runtime.windows import Limit
from bitfit_toolkit.tasks import TRAINABLE_TASKS, Example
from bitfit_toolkit.training.cut import Cut
from bitfit_toolkit.training.task_data import Preprocessor

DOCUMENTS = 100


def test_long_documents_take_the_memory_of_what_was_kept_of_them(base: Base) -> None:
    words = ["the", "of", "and", "to", "in", "is", "that", "it", "was", "for"]
    examples = [Example(" ".join(words * 500), None, "ab"[row % 2]) for row in range(DOCUMENTS)]
    preprocessor = Preprocessor(base, TRAINABLE_TASKS["classification"](examples), Limit(128))
    before = resident()
    data = preprocessor.prepare(examples)
    assert all(item.length <= 128 and item.cut for item in data.items)
    assert resident() - before < 60e6  # all 12,000 tokens of each document took 300 MB
    arrays = (array for item in data.items for text in item.texts for array in (text.ids, text.type_ids, text.offsets))
    assert sum(array.nbytes if array.base is None else array.base.nbytes for array in arrays) <= DOCUMENTS * 128 * 16


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.mark.parametrize(
    ("cut", "said"),
    [
        (
            Cut(examples=100, cut=1, parts=50, lost=25),
            "1 of 100 (1.0%), 25 of 50 labels lost, of the training examples",
        ),
        (Cut(examples=100, cut=0, parts=50, lost=25), "no word begins there"),
        (Cut(examples=100, cut=4, parts=0, lost=0), "4 of 100 (4.0%) of the training examples are cut"),
        (Cut(examples=100, cut=1, parts=50, lost=1), None),
    ],
)
def test_what_was_lost_is_laid_to_the_limit_where_that_cut_it_off(cut: Cut, said: str | None) -> None:
    notes = list(cut.notes("training", "max_length 32"))
    assert not notes if said is None else said in notes[0] and len(notes) == 1
