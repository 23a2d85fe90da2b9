"""Review of a pack's answers: which classes it confuses, and where it is most wrong."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from bitfit_toolkit.tasks import Example
from bitfit_toolkit.tasks.judgement import Judgement

MOST_MISTAKES: Final = 20
SHOWN: Final = 200  # characters of a text


@dataclass(frozen=True, slots=True)
class Confused:
    """How many times class `expected` was answered by `found`; "–" is no class, of what was missed or invented."""

    expected: str
    found: str
    count: int


@dataclass(frozen=True, slots=True)
class Mistake:
    """A wrong answer: its row in the data, counted from 1, its texts, shortened, and what `Judgement` says of it."""

    row: int
    text: str
    text_pair: str | None
    expected: str
    found: str
    error: float


@dataclass(frozen=True, slots=True)
class Review:
    """What became of `rows` examples, of which `wrong` were not answered rightly; None where answers are numbers.

    `confusion` has every pair of classes that occurs, right ones too, by expected and found class; it is empty for
    types without classes. `mistakes` are the worst, the worst first.
    """

    rows: int
    wrong: int | None
    confusion: tuple[Confused, ...]
    mistakes: tuple[Mistake, ...]

    @classmethod
    def of(
        cls, examples: Sequence[Example], judgements: Sequence[Judgement], rows: Sequence[int] | None = None
    ) -> "Review":
        """Review the answers to `examples`, one judgement each; `rows` are their places, where those are not 1, 2 …"""
        pairs = Counter(pair for judgement in judgements for pair in judgement.classes)
        places = range(1, len(examples) + 1) if rows is None else rows
        judged = list(zip(places, examples, judgements, strict=True))
        worst = sorted((one for one in judged if not one[2].right), key=lambda one: -one[2].error)
        return cls(
            rows=len(judged),
            wrong=None if any(one.numbers is not None for one in judgements) else len(worst),
            confusion=tuple(Confused(*pair, count) for pair, count in sorted(pairs.items())),
            mistakes=tuple(
                Mistake(
                    row,
                    shorten(example.text),
                    None if example.text_pair is None else shorten(example.text_pair),
                    shorten(judgement.expected),
                    shorten(judgement.found),
                    judgement.error,
                )
                for row, example, judgement in worst[:MOST_MISTAKES]
            ),
        )

    @property
    def classes(self) -> list[str]:
        """The classes that were expected or found, in order, and "–" last where it is one."""
        return sorted({name for one in self.confusion for name in (one.expected, one.found)})

    def most_confused(self, count: int) -> list[Confused]:
        """Return the pairs of different classes that occur most, the most frequent first."""
        different = (one for one in self.confusion if one.expected != one.found)
        return list(islice(sorted(different, key=lambda one: -one.count), count))


def shorten(text: str, characters: int = SHOWN) -> str:
    """Return the start of a text on one line."""
    line = " ".join(text.split())
    return line if len(line) <= characters else f"{line[: characters - 1]}…"
