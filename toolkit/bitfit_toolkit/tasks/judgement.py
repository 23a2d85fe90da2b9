"""Judgement: an answer beside what its example says, for people who want to see what a task gets wrong."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

NOTHING: Final = "–"  # in place of a class where one side has none


@dataclass(frozen=True, slots=True)
class Judgement:
    """One example's label and the answer, both as a short string.

    `error` is 0 where the answer is right and grows with how wrong it is: the probability that it gave to what is
    wrong, a distance between numbers, or how many entities are missed or invented. `confidence` is the probability that
    the answer gave itself, None where it gave none. `classes` are pairs of the expected and the found class. `numbers`
    are the label and the answer where both are numbers: how far off such an answer is tells more than whether it is.
    """

    expected: str
    found: str
    error: float
    confidence: float | None = None
    classes: tuple[tuple[str, str], ...] = ()
    numbers: tuple[float, float] | None = None

    @property
    def right(self) -> bool:
        """Whether nothing is wrong with the answer."""
        return self.error == 0


def set_classes(expected: Iterable[str], found: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Return pairs for sets of classes, or bags of them: what both have, what is missed, and what is invented."""
    wanted, got = Counter(expected), Counter(found)
    both = wanted & got
    return (
        *((name, name) for name in both.elements()),
        *((name, NOTHING) for name in (wanted - both).elements()),
        *((NOTHING, name) for name in (got - both).elements()),
    )
