"""Pairs of sentences made by a grammar: whether the second follows from the first, contradicts it, or neither.

What decides is never a word alone: quantifiers and their direction, who did what to whom in active and passive, before
and after, numbers, negation, and kinds of things (every oak is a tree). Each rule gives all three labels, with the same
words where it can, and words of the evaluation are of another part of each list.
"""

import random
from collections.abc import Callable, Sequence
from typing import Final

from bitfit_toolkit.tasks import Example

ENTAILED, CONTRADICTED, NEUTRAL = "entailed", "contradicted", "neutral"
TRAINING_ROWS, EVALUATION_ROWS = 2500, 1000
HELD_BACK: Final = 3  # every third word is kept for the evaluation
NAMES: Final = ("Ada", "Bruno", "Carla", "Dmitri", "Elif", "Farid", "Greta", "Hugo", "Ines", "Jonas", "Kemal", "Lotte",
    "Marek", "Nadia", "Otis", "Petra", "Quirin", "Rosa", "Sven", "Tamar", "Ulla", "Vito", "Wanda", "Yusuf")  # fmt: skip
VERBS: Final = ("greeted", "followed", "praised", "warned", "photographed", "hired", "invited", "trusted", "copied",
    "interrupted", "recognized", "sketched", "thanked", "teased", "visited")  # fmt: skip
KINDS: Final = (("oak", "tree"), ("sparrow", "bird"), ("violin", "instrument"), ("kettle", "vessel"),
    ("tulip", "flower"), ("gecko", "lizard"), ("hammer", "tool"), ("barge", "ship"), ("lentil", "plant"),
    ("beagle", "dog"), ("sonnet", "poem"), ("sedan", "car"), ("cottage", "house"), ("ruby", "stone"),
    ("beetle", "insect"))  # fmt: skip
STATES: Final = ("old", "blue", "heavy", "wet", "broken", "painted", "small", "warm", "expensive", "covered", "missing",
    "numbered")  # fmt: skip
PLACES: Final = ("in the yard", "near the mill", "on the island", "behind the school", "at the fair", "by the river",
    "in the north", "under the bridge", "on the hill")  # fmt: skip
NUMBERS: Final = ("three", "four", "five", "six", "seven", "eight", "nine", "ten")


class Words:
    """The words of one side, drawn at random."""

    def __init__(self, generator: random.Random, evaluation: bool) -> None:
        self.generator, self._evaluation = generator, evaluation

    def of(self, words: Sequence[str], count: int = 1) -> list[str]:
        """Return different words of a list's part."""
        own = [word for index, word in enumerate(words) if (index % HELD_BACK == 0) == self._evaluation]
        return self.generator.sample(own, count)

    def kind(self) -> tuple[str, str]:
        """Return a thing, and what every one of them is."""
        thing = self.of([thing for thing, _ in KINDS])[0]
        return thing, dict(KINDS)[thing]


def generate() -> tuple[list[Example], list[Example]]:
    """Return the rows for training and those for evaluation, the same at each call."""
    generator = random.Random("bitfit entailment")
    sides = (False, TRAINING_ROWS), (True, EVALUATION_ROWS)
    training, evaluation = ([_pair(Words(generator, last)) for _ in range(rows)] for last, rows in sides)
    return training, evaluation


def _pair(words: Words) -> Example:
    rule, label = words.generator.choice(RULES), words.generator.choice((ENTAILED, CONTRADICTED, NEUTRAL))
    premise, hypothesis = rule(words, label)
    return Example(_sentence(premise), _sentence(hypothesis), label)


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:] + "."


def _quantifiers(words: Words, label: str) -> tuple[str, str]:
    """Every thing of a kind has what all of the kind have; not the other way round."""
    thing, kind = words.kind()
    (state,), (place,) = words.of(STATES), words.of(PLACES)
    wide, narrow = f"{kind}s {place} are {state}", f"{thing}s {place} are {state}"
    if label == ENTAILED:
        return words.generator.choice(((f"all {wide}", f"all {narrow}"), (f"some {narrow}", f"some {wide}")))
    if label == CONTRADICTED:
        return words.generator.choice(((f"no {wide}", f"some {narrow}"), (f"some {narrow}", f"no {wide}")))
    return words.generator.choice(((f"all {narrow}", f"all {wide}"), (f"some {wide}", f"some {narrow}")))


def _roles(words: Words, label: str) -> tuple[str, str]:
    """Who did it to whom, or never did, in active and passive."""
    (one, other), (verb,), (place,) = words.of(NAMES, 2), words.of(VERBS), words.of(PLACES)
    said, other_said = words.generator.sample(("never ", ""), 2)
    premise = f"{place}, {one} {said}{verb} {other}"
    if label == NEUTRAL:
        return premise, f"{place}, {one} was {said}{verb} by {other}"
    return premise, f"{place}, {other} was {said if label == ENTAILED else other_said}{verb} by {one}"


def _order(words: Words, label: str) -> tuple[str, str]:
    """Before and after, of three: two that are both before the third may be in any order."""
    first, second, third = words.of(NAMES, 3)
    premise = f"{first} left before {second}"
    before, after = f"{first} left before {third}", f"{first} left after {third}"
    if label == NEUTRAL:
        return f"{premise}, and {third} left before {second}", words.generator.choice((before, after))
    return f"{premise}, and {second} left before {third}", before if label == ENTAILED else after


def _numbers(words: Words, label: str) -> tuple[str, str]:
    """At least, at most, and exactly."""
    thing, _ = words.kind()
    (place,) = words.of(PLACES)
    low, high = sorted(words.generator.sample(range(len(NUMBERS)), 2))
    few, many = f"{NUMBERS[low]} {thing}s stood {place}", f"{NUMBERS[high]} {thing}s stood {place}"
    if label == ENTAILED:
        pairs = (f"at least {many}", f"at least {few}"), (f"exactly {few}", f"at most {many}")
    elif label == CONTRADICTED:
        pairs = (f"at most {few}", f"at least {many}"), (f"exactly {many}", f"at most {few}")
    else:
        pairs = (f"at least {few}", f"at least {many}"), (f"at most {many}", f"exactly {few}")
    return words.generator.choice(pairs)


def _either(words: Words, label: str) -> tuple[str, str]:
    """What is left of two where one is ruled out; nothing, where that is a third."""
    (one, other, third), (state,), (place,) = words.of(NAMES, 3), words.of(STATES), words.of(PLACES)
    thing, _ = words.kind()
    owns = f"the {state} {thing} {place} belongs to"
    pair = words.generator.sample((one, other), 2)
    premise = f"{owns} {pair[0]} or {pair[1]}, but not to {third if label == NEUTRAL else one}"
    return premise, f"{owns} {one if label == CONTRADICTED else other}"


Rule = Callable[[Words, str], tuple[str, str]]
RULES: Final[tuple[Rule, ...]] = (_quantifiers, _roles, _order, _numbers, _either)
