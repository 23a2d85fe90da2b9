"""Rows held out of the training rows, to decide by what the evaluation rows must not decide."""

import math
import random
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

from bitfit_toolkit.tasks import Example

HELD_OUT: Final = 1 / 4  # of the training rows
MOST_HELD_OUT: Final = 2000


def hold_out(examples: Sequence[Example], seed: int) -> tuple[list[Example], list[Example]]:
    """Return the rows to learn from and the rows held out, as `held_out_rows` chooses them."""
    return without(examples, held_out_rows(examples, seed, HELD_OUT))


def without(examples: Sequence[Example], chosen: set[int]) -> tuple[list[Example], list[Example]]:
    """Return the other rows, and those in the chosen places, both in their order."""
    others = [example for index, example in enumerate(examples) if index not in chosen]
    return others, [examples[index] for index in sorted(chosen)]


def held_out_rows(examples: Sequence[Example], seed: int, share: float) -> set[int]:
    """Return the places of the rows to hold out, about `share`, of each label where rows have one.

    A label of one text stays among those to learn from. Rows of one text stay together.
    """
    generator = random.Random(seed)
    share = min(share, MOST_HELD_OUT / max(1, len(examples)))
    chosen: set[int] = set()
    owed = 0.0  # by rounding, to the groups that follow; not what one of a single text cannot give
    for group in _texts_by_label(examples):
        owed += share * len(group)
        wanted = round(owed)
        owed -= wanted
        some = generator.sample(group, min(wanted, len(group) - 1))
        chosen.update(index for rows in some for index in rows)
    return chosen


def folds(examples: Sequence[Example], seed: int, count: int) -> list[list[int]]:
    """Return the rows to hold out in turn, of each label alike where rows have one; rows of one text stay together.

    There are `count` folds that hold every row once, or fewer and smaller ones where MOST_HELD_OUT rows are enough.
    """
    generator = random.Random(seed)
    dealt = [rows for group in _texts_by_label(examples) for rows in generator.sample(group, len(group))]
    found = [[row for rows in dealt[first::count] for row in rows] for first in range(count)]
    needed = math.ceil(MOST_HELD_OUT / max(1, len(found[0])))
    return [sorted(generator.sample(fold, min(len(fold), MOST_HELD_OUT))) for fold in found[:needed]]


def _texts_by_label(examples: Sequence[Example]) -> list[list[list[int]]]:
    """Return the rows of each text, for each label, or together where labels are not words."""
    texts: dict[tuple[str, str | None], list[int]] = defaultdict(list)
    for index, example in enumerate(examples):
        texts[example.text, example.text_pair].append(index)
    groups: dict[Any, list[list[int]]] = defaultdict(list)
    for rows in texts.values():
        label = examples[rows[0]].label
        groups[label if isinstance(label, str) else None].append(rows)
    return list(groups.values())
