"""Drawing of windows: which of a long text's windows a step of training sees, and how they go into a batch.

A step sees at most four windows of a text, drawn anew each time. Which ones depends on the seed, the epoch and the
example alone, and on the losses of windows that earlier epochs saw; those are kept in checkpoints, so that a run that
goes on draws what it would have drawn.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch

from bitfit_runtime.graph import TOKEN_LOGITS
from bitfit_runtime.tasks.base import MAXIMUM, NOISY_OR
from bitfit_toolkit.tasks import TrainableTask
from bitfit_toolkit.training.distributed import gathered
from bitfit_toolkit.training.task_data import DRAWN, Item

Float32 = npt.NDArray[np.float32]
LOSSES: Final = "windows.npy"
SURE: Final = DRAWN // 2  # windows that are drawn for what is known of them; the others at random


class WindowDrawing(Sequence[Item]):
    """The items of a run as its steps see them: `drawing[index]` has a few windows of each text.

    Half of the windows are those that speak for the example's label: of tokens, the ones that hold it; where a single
    window may decide (maximum, noisy-or), the ones with the smallest losses when they were last seen. The others, and
    all where the mean of windows decides, are drawn at random.
    """

    def __init__(self, items: Sequence[Item], task: TrainableTask[Any, Any], join: str, seed: int) -> None:
        self._items, self._task, self._seed, self._epoch = items, task, seed, 0
        self._of_tokens = task.task_type.output == TOKEN_LOGITS
        self.remembers = join in (MAXIMUM, NOISY_OR)
        most = max((len(text) for item in items for text in item.windows), default=0)
        self._losses: Float32 = np.full((len(items), most) if self.remembers else (0, 0), np.nan, np.float32)
        self._seen: list[tuple[int, int, float]] = []

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, index: Any) -> Any:
        item = self._items[index]
        drawn = tuple(tuple(self._draw(index, side)) for side in range(len(item.windows)))
        return replace(item, index=index, drawn=drawn)

    @property
    def lengths(self) -> list[int]:
        """The length of each item in tokens, of what is drawn."""
        return [item.length for item in self._items]

    def begin(self, epoch: int) -> None:
        """Begin an epoch."""
        self._epoch = epoch

    def see(self, examples: Sequence[int], windows: Sequence[int], losses: Sequence[float]) -> None:
        """Take note of the loss that each window has by itself."""
        self._seen += zip(examples, windows, losses, strict=True)

    def settle(self) -> None:
        """Remember what all processes have seen since the last time."""
        if self.remembers:
            for seen in gathered(self._seen):
                for index, window, loss in seen:
                    self._losses[index, window] = loss
        self._seen = []

    def save(self, folder: Path) -> None:
        """Keep what is remembered beside a checkpoint."""
        if self.remembers:
            np.save(folder / LOSSES, self._losses)

    def load(self, folder: Path) -> None:
        """Go on from what is remembered beside a checkpoint."""
        if self.remembers:
            self._losses = np.load(folder / LOSSES)

    def _draw(self, index: int, side: int) -> list[int]:
        item = self._items[index]
        count = len(item.windows[side])
        if count <= DRAWN:
            return list(range(count))
        draw = np.random.default_rng((self._seed, self._epoch, index, side))
        sure = self._sure(item, index, count, draw)
        others = [window for window in draw.permutation(count).tolist() if window not in sure]
        return sorted([*sure, *others[: DRAWN - len(sure)]])

    def _sure(self, item: Item, index: int, count: int, draw: np.random.Generator) -> list[int]:
        if self._of_tokens:
            places = self._task.places(item.target)
            holding = np.unique(item.windows[0].speakers()[places]) if len(places) else np.zeros(0, np.int32)
            return [int(window) for window in draw.permutation(holding)[:SURE]]
        if not self.remembers:
            return []
        losses = self._losses[index, :count]
        seen = np.flatnonzero(~np.isnan(losses))
        return [int(window) for window in seen[np.argsort(losses[seen], kind="stable")][:SURE]]


def own_losses(
    task: TrainableTask[Any, Any], rows: torch.Tensor, counts: Sequence[int], targets: torch.Tensor
) -> list[float]:
    """Return the loss of each window by itself, for logits `[windows, labels]` of texts with so many windows each."""
    with torch.no_grad():
        each = targets.repeat_interleave(torch.tensor(list(counts), device=targets.device), dim=0)
        pairs = zip(torch.split(rows.detach(), 1), torch.split(each, 1), strict=True)
        return [float(task.loss(row, target)) for row, target in pairs]
