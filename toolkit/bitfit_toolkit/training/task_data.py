"""Data of a task: examples, their tokens and targets, and batches of them in the order of training."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import Sampler

from bitfit_runtime import Base
from bitfit_runtime.graph import TOKEN_LOGITS
from bitfit_runtime.tokenized_text import TokenizedText
from bitfit_runtime.tokenizer import Tokenizer, collate
from bitfit_runtime.windows import Limit, WindowedText
from bitfit_toolkit.tasks import Example, TrainableTask
from bitfit_toolkit.training.trunk import Trunk

INFERENCE_BATCH = 64
SORTED_TOGETHER = 50  # batches
DRAWN = 4  # windows of a text that a step sees at most
Int64 = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Item:
    """One example as a model learns it: the tokens of its texts, its target as its task type has it.

    `pooled [hidden]` is there where the encoder does not learn, so that it runs over each text once. `cut` says that a
    text was longer than the limit.

    Where the pack has windows, `windows` are the texts in theirs, and `pooled` is `[windows, hidden]`. As a step sees
    it, `drawn` are the windows of each text that it has.
    """

    texts: tuple[TokenizedText, ...]
    target: Any
    pooled: torch.Tensor | None = None
    cut: bool = False
    windows: tuple[WindowedText, ...] = ()
    drawn: tuple[tuple[int, ...], ...] = ()

    @property
    def length(self) -> int:
        """The number of tokens of the longest text, those of windows that a step does not see left out."""
        if not self.windows:
            return max(map(len, self.texts))
        return max(len(text.window(0)) * min(len(text), DRAWN) for text in self.windows)

    @property
    def rows(self) -> tuple[TokenizedText, ...]:
        """What the encoder receives: the texts, or the windows that were drawn of them."""
        if not self.windows:
            return self.texts
        drawn = zip(self.windows, self.drawn, strict=True)
        return tuple(text.window(window) for text, windows in drawn for window in windows)

    @property
    def pooled_rows(self) -> torch.Tensor:
        """The pooled vectors of `rows`, `[rows, hidden]`."""
        assert self.pooled is not None
        return self.pooled[list(self.drawn[0])] if self.drawn else self.pooled[None]

    def places(self, first: int, width: int) -> tuple[Int64, Int64]:
        """Return where the tokens speak that the drawn windows of a single text have, and which tokens they are.

        The windows are rows of `width` from row `first` on, end to end.
        """
        text, speakers = self.windows[0], self.windows[0].speakers()
        places, tokens = list[Int64](), list[Int64]()
        for row, window in enumerate(self.drawn[0], first):
            of_window = text.positions(window)
            own = np.flatnonzero(speakers[of_window] == window)
            places.append(row * width + own)
            tokens.append(of_window[own])
        return np.concatenate(places), np.concatenate(tokens)


@dataclass(frozen=True, slots=True, eq=False)
class TaskData:
    """Examples, and an item for each."""

    examples: tuple[Example, ...]
    items: tuple[Item, ...]


class Preprocessor:
    """Turns examples into items, and items into batches.

    It has the runtime's own tokenizer, so that training sees what the device sees, and reads of a text what `limit`
    says. Where there is a `trunk`, batches have its hidden states too.
    """

    def __init__(self, base: Base, task: TrainableTask[Any, Any], limit: Limit, windowed: bool = False) -> None:
        self.limit, self.windowed = limit, windowed
        self.trunk: Trunk | None = None
        self._manifest, self._task = base.manifest, task
        self._tokenizer = Tokenizer.from_file(base.tokenizer_path)

    def prepare(self, examples: Sequence[Example]) -> TaskData:
        """Return the examples with their items. Raises DataError on one that does not fit the task type."""
        inputs = [self._task.inputs(example) for example in examples]
        flat = [text for texts in inputs for text in texts]
        tokenized = iter(self._tokenizer.tokenize_windows(flat, [self.limit] * len(flat)))
        items: list[Item] = []
        for example, texts in zip(examples, inputs, strict=True):
            windows = tuple(next(tokenized) for _ in texts)
            own = tuple(text.text for text in windows)
            cut, target = any(text.truncated for text in own), self._task.target(example, own[0])
            items.append(Item(own, target, cut=cut, windows=windows if self.windowed else ()))
        return TaskData(tuple(examples), tuple(items))

    def collate(self, items: Sequence[Item]) -> dict[str, torch.Tensor]:
        """Return a batch: `labels`, and `pooled [rows, hidden]` or the token inputs `[rows, sequence]`.

        Each text is a row, or each of its windows that was drawn; then the batch says what they are, as
        `window_tensors` does.
        """
        width = max(len(row) for item in items for row in item.rows)
        return self.targets(items, width) | self.inputs(items)

    def targets(self, items: Sequence[Item], width: int) -> dict[str, torch.Tensor]:
        """Return the `labels` of a batch whose rows have `width` tokens, and what it says of windows."""
        if not self.windowed:
            return {"labels": torch.from_numpy(self._task.stack([item.target for item in items], width))}
        windows = window_tensors(items, width, self._task.task_type.output == TOKEN_LOGITS)
        if "places" not in windows:
            return {"labels": torch.from_numpy(self._task.stack([item.target for item in items], width)), **windows}
        targets = [self._task.part(item.target, item.places(0, width)[1]) for item in items]
        return {"labels": torch.from_numpy(self._task.stack(targets, windows["places"].shape[1])), **windows}

    def inputs(self, items: Sequence[Item]) -> dict[str, torch.Tensor]:
        """Return what the encoder, or the head, receives of a batch."""
        pooled = [item.pooled_rows for item in items if item.pooled is not None]
        if pooled:
            return {"pooled": torch.cat(pooled)}
        rows = [row for item in items for row in item.rows]
        tokens = collate(rows, self._manifest.inputs, self._manifest.pad_token_id)
        hidden = {} if self.trunk is None else {"hidden": self.trunk.states(rows)}
        return {name: torch.from_numpy(array) for name, array in tokens.items()} | hidden

    def inference_batches(self, items: Sequence[Item]) -> Iterator[tuple[list[int], dict[str, torch.Tensor]]]:
        """Yield the items' indices and tensors without labels, in batches of texts of similar length."""
        order = sorted(range(len(items)), key=lambda index: len(items[index].texts[0]))
        for start in range(0, len(order), INFERENCE_BATCH):
            chosen = order[start : start + INFERENCE_BATCH]
            yield chosen, self.inputs([items[index] for index in chosen])


def single_windows(item: Item) -> Iterator[Item]:
    """Yield each window of an item's texts as an item of its own, without a target."""
    for text in item.windows:
        for index, window in enumerate(text.windows):
            yield Item((window,), None, None if item.pooled is None else item.pooled[index])


def window_tensors(items: Sequence[Item], width: int, of_tokens: bool) -> dict[str, torch.Tensor]:
    """Return what a batch says of windows besides their tokens, of which each row has `width` with its padding.

    `counts [texts]` is how many each text has. For tokens, `places [batch, tokens]` says where in `rows · width` each
    token speaks, of those whose window was drawn; -1 fills up.
    """
    found = {
        "counts": torch.tensor([len(windows) for item in items for windows in item.drawn]),
    }
    if not of_tokens:
        return found
    firsts = np.cumsum([0, *(len(item.drawn[0]) for item in items)])
    each = [item.places(int(first), width)[0] for item, first in zip(items, firsts, strict=False)]
    places = np.full((len(items), max(map(len, each))), -1)
    for own, known in zip(places, each, strict=True):
        own[: len(known)] = known
    return found | {"places": torch.from_numpy(places)}


class ByLength(Sampler[int]):
    """Every index once an epoch, so that consecutive batches hold items of similar length and waste little padding.

    transformers' own LengthGroupedSampler begins each chunk with its longest batch and ends with its shortest; here the
    batches come in random order. The order depends on `seed` and the epoch alone, so that a run can be resumed; `begin`
    is told the epoch as it begins.
    """

    def __init__(
        self, lengths: Sequence[int], batch_size: int, seed: int, begin: Callable[[int], None] = lambda epoch: None
    ) -> None:
        self._lengths, self._batch_size, self._seed, self._epoch = lengths, batch_size, seed, 0
        self._begin = begin

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose order comes next."""
        self._epoch = epoch

    def __len__(self) -> int:
        return len(self._lengths)

    def __iter__(self) -> Iterator[int]:
        self._begin(self._epoch)
        generator = torch.Generator().manual_seed((self._seed << 20) + self._epoch)
        shuffled = torch.randperm(len(self._lengths), generator=generator).tolist()
        size, chunk = self._batch_size, self._batch_size * SORTED_TOGETHER
        batches: list[list[int]] = []
        for start in range(0, len(shuffled), chunk):
            near = sorted(shuffled[start : start + chunk], key=lambda index: self._lengths[index])
            batches += [near[first : first + size] for first in range(0, len(near), size)]
        whole = [batch for batch in batches if len(batch) == size]
        for index in torch.randperm(len(whole), generator=generator).tolist():
            yield from whole[index]
        yield from (index for batch in batches if len(batch) < size for index in batch)
