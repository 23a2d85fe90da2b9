"""Batch planning: which rows run together, and which of their layers are computed once for several of them."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from bitfit_runtime.levels import BASE, Levels
from bitfit_runtime.padding import Padding

# A layer's work in units of what comes after the last one (pooling, heads), whose memory is that much less, too.
LAYER: Final = 4
# Rows that share most of their layers are wide above: so many times the tokens of a batch may be there. Rows of one
# text, which cannot be parted without losing what they share, may be wider, and take more work than a batch.
WIDEST, WIDEST_OF_ONE_TEXT, WORK_OF_ONE_TEXT = 2, 4, 2.5
# Heads are padded to the largest of their batch. Those of the first class are small; each class allows four times more.
SMALL_HEAD_BYTES, CLASS_GROWTH = 256 << 10, 4
HEAD_BYTES = 8 << 20  # of all heads of a batch, unless it is a single row


class Leaf(NamedTuple):
    """One request as the planner sees it: its text, of so many tokens, and how many labels its head has.

    `keys[i]` is what a row of level i has in common with all rows of its text that are the same computation: the
    identity of its biases up to there, and on the last level that of its head.
    """

    text: bytes
    length: int
    keys: tuple[bytes, ...]
    labels: int

    @classmethod
    def of(cls, text: bytes, length: int, biases: tuple[bytes, ...], head: bytes = BASE, labels: int = 0) -> "Leaf":
        """Return a request with the parts of an `Identity`; one that reads no logits has no head."""
        return cls(text, length, (*biases[:-1], biases[-1] + head), labels)


class LevelRows(NamedTuple):
    """The rows of one level of a batch.

    Row i is computed as request `requests[i]` needs it, perhaps for others too, and continues row `below[i]` of the
    level below.
    """

    requests: tuple[int, ...]
    below: tuple[int, ...]


class Batch(NamedTuple):
    """What runs at once: its levels from below, and for each of its requests the row of the last level it is read from.

    `width` is the number of tokens of every row, with padding.
    """

    width: int
    levels: tuple[LevelRows, ...]
    rows: dict[int, int]

    @property
    def is_tree(self) -> bool:
        """Whether rows of any level are others than those of the level below, one by one."""
        pairs = itertools.pairwise(self.levels)
        return any(level.below != tuple(range(len(below.requests))) for below, level in pairs)


@dataclass(frozen=True, slots=True)
class Planner:
    """Plans batches of at most `batch_size` rows and `max_tokens` padded tokens, a row of some layers being a part.

    No level has more than `most_tokens` padded tokens, unless it is a single row.
    """

    levels: Levels
    padding: Padding
    hidden_size: int
    batch_size: int
    max_tokens: int
    most_tokens: int

    def plan(self, leaves: Sequence[Leaf]) -> list[Batch]:
        """Group requests into batches of similar length, so that little is spent on padding.

        Requests of equal text, and of equal biases up to a branch point, are one row up to there. A text's requests are
        in one batch unless that would be far larger than the others. No row is in a batch whose width would change its
        bits. Every request is in exactly one batch, the longest of a batch first.
        """
        numbers = {text: number for number, text in enumerate(dict.fromkeys(leaf.text for leaf in leaves))}
        size = [self._head_class(leaf.labels) for leaf in leaves]

        def place(index: int) -> tuple[int, int, int, tuple[bytes, ...]]:
            leaf = leaves[index]
            return size[index], -leaf.length, numbers[leaf.text], leaf.keys

        batches: list[_Open] = []
        ordered = sorted(range(len(leaves)), key=place)
        for _, group in itertools.groupby(ordered, lambda index: (size[index], leaves[index].text)):
            self._place(list(group), leaves, size, batches)
        return [self._close(batch.requests, leaves) for batch in batches]

    def _place(self, group: list[int], leaves: Sequence[Leaf], size: Sequence[int], batches: "list[_Open]") -> None:
        """Put the requests of one text into the last batch, one of their own, or several."""
        width = self.padding.width(leaves[group[0]].length)
        alone = _Open.of(group, leaves, width)
        last = batches[-1] if batches else None
        if last is not None and size[last.requests[0]] == size[group[0]]:
            together = last + alone
            if self.padding.fits(leaves[group[0]].length, last.width) and self._fits(together):
                batches[-1] = together
                return
        if self._fits(alone):
            batches.append(alone)
            return
        shared = self._work(alone) < alone.counts[-1] * self._full_row
        part = _Open.of(group[:1], leaves, width)
        for before, index in itertools.pairwise(group):
            longer = part.with_next(index, leaves, before)
            if self._fits(longer, one_text=shared):
                part = longer
            else:
                batches.append(part)
                part = _Open.of([index], leaves, width)
        batches.append(part)

    def _fits(self, batch: "_Open", one_text: bool = False) -> bool:
        if batch.counts[-1] == 1:
            return True
        tokens = min(self.max_tokens, self.most_tokens)
        factor, widest = 1.0, min(WIDEST * tokens, self.most_tokens)
        if one_text:
            tokens, factor, widest = max(tokens, batch.width), WORK_OF_ONE_TEXT, self.most_tokens
        work = self._work(batch)
        return (
            work <= factor * self._full_row * self.batch_size
            and work * batch.width <= factor * self._full_row * tokens
            and self.widest(batch.counts) * batch.width <= widest
            and batch.counts[-1] * batch.labels * self.hidden_size * 4 <= HEAD_BYTES
        )

    def widest(self, counts: Sequence[int]) -> float:
        """Return the most rows of any level, of which those without layers count less."""
        return max(count / (1 if layers else LAYER) for count, layers in zip(counts, self.levels.layers, strict=True))

    @property
    def _full_row(self) -> int:
        """The work of a row that runs through all layers."""
        return LAYER * sum(self.levels.layers) + 1

    def _work(self, batch: "_Open") -> int:
        layers = sum(count * layers for count, layers in zip(batch.counts, self.levels.layers, strict=True))
        return LAYER * layers + batch.counts[-1]

    def _head_class(self, labels: int) -> int:
        found, most = 0, SMALL_HEAD_BYTES
        while labels * self.hidden_size * 4 > most:
            found, most = found + 1, most * CLASS_GROWTH
        return found

    def _close(self, requests: Sequence[int], leaves: Sequence[Leaf]) -> Batch:
        levels: list[LevelRows] = []
        below = dict.fromkeys(requests, 0)  # the lowest level continues nothing
        for level in range(len(self.levels)):
            rows: dict[tuple[bytes, bytes], int] = {}
            first: list[int] = []
            row_of: dict[int, int] = {}
            for index in requests:
                key = (leaves[index].text, leaves[index].keys[level])
                if key not in rows:
                    rows[key] = len(first)
                    first.append(index)
                row_of[index] = rows[key]
            levels.append(LevelRows(tuple(first), tuple(below[index] for index in first)))
            below = row_of
        return Batch(self.padding.width(leaves[requests[0]].length), tuple(levels), below)


class _Open(NamedTuple):
    """A batch that is being filled: its requests, width, rows of each level and largest number of labels."""

    requests: list[int]
    width: int
    counts: list[int]
    labels: int

    @classmethod
    def of(cls, group: list[int], leaves: Sequence[Leaf], width: int) -> "_Open":
        """Return a batch of some requests of one text, in the order of the plan."""
        first = leaves[group[0]]
        found = cls(group[:1], width, [1] * len(first.keys), first.labels)
        for before, index in itertools.pairwise(group):
            found = found.with_next(index, leaves, before)
        return found

    def with_next(self, index: int, leaves: Sequence[Leaf], before: int) -> "_Open":
        """Return this batch and one more request of the text, the one after `before` in the order of the plan."""
        leaf = leaves[index]
        pairs = zip(self.counts, leaf.keys, leaves[before].keys, strict=True)
        counts = [count + (own != last) for count, own, last in pairs]
        return _Open([*self.requests, index], self.width, counts, max(self.labels, leaf.labels))

    def __add__(self, other: "_Open") -> "_Open":  # type: ignore[override]
        counts = [one + two for one, two in zip(self.counts, other.counts, strict=True)]
        return _Open(self.requests + other.requests, self.width, counts, max(self.labels, other.labels))
