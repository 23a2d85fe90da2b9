"""Windows of a long text: overlapping slices of its tokens, each with the special tokens around it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bitfit_runtime.formats.pack import PackInfo, Windows
from bitfit_runtime.tasks import TASK_TYPES
from bitfit_runtime.token_layout import Layout, Side, longest_first
from bitfit_runtime.tokenized_text import FIRST, SECOND, Int32, TokenizedText

Int64 = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Limit:
    """How much of a text is read: `max_windows` windows of `max_length` tokens, special tokens included.

    Neighbours share `overlap` tokens of the text. Of a pair the `searched` side is cut into windows; None is the longer
    one, of equal ones the second.
    """

    max_length: int
    overlap: int = 0
    max_windows: int = 1
    searched: int | None = None

    @classmethod
    def of(cls, info: PackInfo) -> "Limit":
        """Return what a pack reads of a text."""
        return cls.over(info.max_length, info.windows, info.task_type)

    @classmethod
    def over(cls, max_length: int, windows: Windows | None, task_type: str) -> "Limit":
        """Return what is read of a text in windows, or without them, for a task type."""
        if windows is None:
            return cls(max_length)
        return cls(max_length, windows.overlap, windows.max_windows, TASK_TYPES[task_type].searched)

    def room(self, layout: Layout) -> int:
        """Return how many tokens of a text, or of both of a pair, a window has among the special ones."""
        return max(self.max_length - layout.special, 0)

    def most(self, layout: Layout) -> int:
        """Return how many tokens all windows hold of a text at most."""
        room = self.room(layout)
        return room + (self.max_windows - 1) * self._step(room)

    def most_windows(self, characters: int) -> int:
        """Return about how many windows a text has at most, a character being a token."""
        return min(self.max_windows, 1 + characters // self._step(self.max_length))

    def slices(self, length: int, room: int) -> list[range]:
        """Cut `length` tokens into windows of `room`: all but the last are full, and that ends with the text.

        A window is cut between two tokens wherever they are: words of up to `overlap` tokens are whole in one of them.
        """
        if length <= room or room == 0:
            return [range(min(length, room))]
        step = self._step(room)
        count = min(1 + -(-(length - room) // step), self.max_windows)
        return [range(start, min(start + room, length)) for start in range(0, count * step, step)]

    def _step(self, room: int) -> int:
        return max(room - min(self.overlap, room // 2), 1)


@dataclass(frozen=True, slots=True, eq=False)
class WindowedText:
    """One text, or one pair, in windows.

    `text` is all that the windows hold, as one, which may be longer than the limit. `slices` are the tokens of its
    `side` that each window has; every other token is in all windows.
    """

    text: TokenizedText
    side: int
    slices: tuple[range, ...]

    @classmethod
    def cut(cls, layout: Layout, first: Side, second: Side, limit: Limit) -> "WindowedText":
        """Cut both sides, of which so many tokens are there as could be kept and one more, as `limit` says."""
        lengths = len(first.ids), len(second.ids)
        kept = list(longest_first(*lengths, limit.room(layout)))
        longer = FIRST if lengths[FIRST] > lengths[SECOND] else SECOND
        side = longer if limit.searched is None or not second.ids else limit.searched
        slices = limit.slices(lengths[side], kept[side])
        kept[side] = slices[-1].stop
        text = layout.arrange(first, second, (kept[FIRST], kept[SECOND]))
        start = text.sides[side].start
        return cls(text, side, tuple(range(start + part.start, start + part.stop) for part in slices))

    def __len__(self) -> int:
        return len(self.slices)

    @property
    def windows(self) -> list[TokenizedText]:
        """The windows in order; of a text that fits, the text itself."""
        return [self.window(index) for index in range(len(self))]

    def window(self, index: int) -> TokenizedText:
        """Return one window."""
        if len(self) == 1:
            return self.text
        tokens, own, other = self.positions(index), self.text.sides[self.side], self.text.sides[1 - self.side]
        kept = range(own.start, own.start + len(self.slices[index]))
        shift = 0 if other.stop <= own.start else kept.stop - own.stop
        moved = range(other.start + shift, other.stop + shift)
        sides = (kept, moved) if self.side == FIRST else (moved, kept)
        text = self.text
        return TokenizedText(text.ids[tokens], text.type_ids[tokens], text.offsets[tokens], sides, text.cut)

    def positions(self, index: int) -> Int64:
        """Return where in `text` each token of a window is, `[tokens]`."""
        own, part = self.text.sides[self.side], self.slices[index]
        found: Int64 = np.r_[: own.start, part.start : part.stop, own.stop : len(self.text)]
        return found

    def speakers(self) -> Int32:
        """Return for each token of `text` the window in which it is farthest from an edge, of several the first.

        Tokens that are in all windows speak from the first.
        """
        found = np.zeros(len(self.text), np.int32)
        best = np.full(len(self.text), -1)
        for index, part in enumerate(self.slices):
            inside = slice(part.start, part.stop)
            distance = np.minimum(np.arange(len(part)), np.arange(len(part))[::-1])
            farther = distance > best[inside]
            best[inside][farther] = distance[farther]
            found[inside][farther] = index
        return found
