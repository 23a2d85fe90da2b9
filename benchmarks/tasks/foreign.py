"""Entities of a foreign domain: reports in an invented language, drawn by a grammar, alike to no everyday text.

Nothing in a word is known to an encoder: stems are syllables at random, and those of the evaluation occur in no row
for training. What tells an entity's type is

- its ending, of half the names; the other half have endings that any type may have,
- the verb, which says what does something and to what,
- the particle NOT_BY before the verb, with which both change places,
- the first name of a phrase: what is joined to it by OF, and a code behind it, belong to the entity, whatever they are
  by themselves. AND parts entities, and words with endings of QUALITIES are never entities.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from bitfit_toolkit.tasks import Example
from bitfit_toolkit.tasks.base import Mark

ENDINGS: Final = {
    "MATTER": ("oxyth", "ilane", "urite"),
    "VESSEL": ("andor", "ekter", "omvat"),
    "BODY": ("aelis", "irux", "onthe"),
    "SIGNAL": ("ephon", "ubeat", "yrrow"),
    "RITE": ("asium", "olude", "intra"),
}
TYPES: Final = tuple(ENDINGS)
SILENT: Final = ("eb", "osk", "arn", "ul", "iff", "ent")  # of names of any type
QUALITIES: Final = ("esh", "indly", "ooth")
ONSETS: Final = (
    "b",
    "br",
    "d",
    "dr",
    "f",
    "g",
    "gl",
    "h",
    "k",
    "kv",
    "l",
    "m",
    "n",
    "p",
    "r",
    "s",
    "sk",
    "t",
    "tz",
    "v",
    "z",
)
VOWELS: Final = ("a", "e", "i", "o", "u", "ae", "oi")
VERBS: Final = (
    ("vosteth", "MATTER", "VESSEL"), ("quarreth", "VESSEL", "MATTER"), ("imbeth", "BODY", "SIGNAL"),
    ("oldreth", "SIGNAL", "BODY"), ("tanneth", "RITE", "MATTER"), ("huspeth", "MATTER", "RITE"),
    ("gorveth", "VESSEL", "BODY"), ("sibbeth", "BODY", "VESSEL"), ("yaleth", "RITE", "SIGNAL"),
    ("crineth", "SIGNAL", "RITE"), ("delteth", "BODY", "MATTER"), ("fumeth", "RITE", "VESSEL"),
)  # fmt: skip
NOT_BY: Final = "nu"
OF: Final = "ka"
AND: Final = "ma"
OPENINGS: Final = ("", "", "eth dar", "so lun", "per ozzet")
STEMS: Final = 600  # of each side
TRAINING_ROWS, EVALUATION_ROWS = 2500, 1000


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words in a row, and the type of the entity that they are, None where they are none."""

    words: tuple[str, ...]
    type: str | None = None


def generate() -> tuple[list[Example], list[Example]]:
    """Return the rows for training and those for evaluation, the same at each call."""
    generator = random.Random("bitfit foreign entities")
    stems = sorted({_stem(generator) for _ in range(5 * STEMS)})
    generator.shuffle(stems)
    sides = (stems[:STEMS], TRAINING_ROWS), (stems[STEMS : 2 * STEMS], EVALUATION_ROWS)
    training, evaluation = ([_report(generator, own) for _ in range(rows)] for own, rows in sides)
    return training, evaluation


def _report(generator: random.Random, stems: Sequence[str]) -> Example:
    phrases = list(_clause(generator, stems))
    text, marks = "", list[Mark]()
    for phrase in phrases:
        start = len(text)
        text += " ".join(phrase.words) + " "
        if phrase.type is not None:
            marks.append(Mark(phrase.type, start, len(text) - 1))
    return Example(text + ".", label=tuple(marks))


def _clause(generator: random.Random, stems: Sequence[str]) -> Iterator[Phrase]:
    opening = generator.choice(OPENINGS)
    if opening:
        yield Phrase(tuple(opening.split()))
    verb, doer, done = generator.choice(VERBS)
    turned = generator.random() < 1 / 3
    if turned:
        doer, done = done, doer
    yield from _names(generator, stems, doer)
    if generator.random() < 1 / 3:
        yield Phrase((generator.choice(stems) + generator.choice(QUALITIES),))
    yield Phrase((NOT_BY, verb) if turned else (verb,))
    yield from _names(generator, stems, done)


def _names(generator: random.Random, stems: Sequence[str], of_type: str) -> Iterator[Phrase]:
    """Yield one entity of a type, or two."""
    if generator.random() < 1 / 4:
        yield Phrase((generator.choice(stems) + generator.choice(QUALITIES),))
    yield _entity(generator, stems, of_type)
    if generator.random() < 1 / 5:
        yield Phrase((AND,))
        yield _entity(generator, stems, of_type)


def _entity(generator: random.Random, stems: Sequence[str], of_type: str) -> Phrase:
    words = [_name(generator, stems, of_type)]
    chance = generator.random()
    if chance < 1 / 3:
        words += [OF, _name(generator, stems, generator.choice(TYPES))]
    elif chance < 1 / 2:
        words += [f"{generator.choice(ONSETS)}{generator.randrange(2, 100)}"]
    return Phrase(tuple(words), of_type)


def _name(generator: random.Random, stems: Sequence[str], of_type: str) -> str:
    endings = ENDINGS[of_type] if generator.random() < 1 / 2 else SILENT
    return generator.choice(stems) + generator.choice(endings)


def _stem(generator: random.Random) -> str:
    return "".join(generator.choice(ONSETS) + generator.choice(VOWELS) for _ in range(generator.choice((1, 2, 2))))
