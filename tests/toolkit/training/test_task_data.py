"""Data of a task hold what is kept of long documents, not what was cut off."""

from pathlib import Path

from bitfit_runtime import Base
from bitfit_runtime.windows import Limit
from bitfit_toolkit.tasks import TRAINABLE_TASKS, Example
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
