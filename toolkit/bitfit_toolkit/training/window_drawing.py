"""Drawing of windows: which of a long text's windows a step of training sees.

A step sees at most four windows of a text, drawn anew each time. Which ones depends on the seed, the epoch and the
example alone, so that a run can be resumed.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np

from bitfit_runtime.graph import TOKEN_LOGITS
from bitfit_toolkit.tasks import TrainableTask
from bitfit_toolkit.training.task_data import DRAWN, Item

HOLDING: Final = DRAWN // 2  # windows that are drawn because they hold a label; the others are drawn of all


class WindowDrawing(Sequence[Item]):
    """The items of a run as its steps see them: `drawing[index]` has a few windows of each text.

    Where tokens hold the label, up to half are windows in which such a token speaks. All others are drawn at random.
    """

    def __init__(self, items: Sequence[Item], task: TrainableTask[Any, Any], seed: int) -> None:
        self._items, self._task, self._seed, self._epoch = items, task, seed, 0

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, index: Any) -> Any:
        item = self._items[index]
        return replace(item, drawn=tuple(tuple(self._draw(index, side)) for side in range(len(item.windows))))

    @property
    def lengths(self) -> list[int]:
        """The length of each item in tokens, of what is drawn."""
        return [item.length for item in self._items]

    def begin(self, epoch: int) -> None:
        """Begin an epoch."""
        self._epoch = epoch

    def _draw(self, index: int, side: int) -> list[int]:
        item = self._items[index]
        count = len(item.windows[side])
        if count <= DRAWN:
            return list(range(count))
        draw = np.random.default_rng((self._seed, self._epoch, index, side))
        holding = draw.permutation(self._holding(item)).tolist()[:HOLDING]
        others = [window for window in draw.permutation(count).tolist() if window not in holding]
        return sorted([*holding, *others[: DRAWN - len(holding)]])

    def _holding(self, item: Item) -> list[int]:
        """Return the windows in which a token speaks that holds the label."""
        tokens = self._task.places(item.target) if self._task.task_type.output == TOKEN_LOGITS else []
        found: list[int] = np.unique(item.windows[0].speakers()[tokens]).tolist() if tokens else []
        return found
