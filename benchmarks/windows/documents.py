"""Documents made for this purpose: thousands of words that say nothing, around three sentences that say the label."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

PEOPLE: Final = "my aunt|the neighbour|our teacher|a young couple|the old baker|his cousin|a tall visitor|the gardener"
DAYS: Final = "on Monday|in the morning|after lunch|last spring|before dinner|at the weekend|in October|for an hour"
PLACES: Final = (
    "by the river|in the park|near the old bridge|on the hill|at the market|behind the church|in the village"
)
DOINGS: Final = "walked slowly|read a long book|talked about the weather|fed the ducks|painted a picture|sang a song"
THINGS: Final = "a blue chair|two cups of tea|the yellow curtains|a basket of apples|an old photograph|fresh bread"
MOODS: Final = "quiet and pleasant|rather cold|full of birds|as green as ever|warm for the season|a little dull"
FILLER: Final[Sequence[str]] = (
    "{people} {doing} {place} {day}.",
    "{day} {people} {doing}, and {people} {doing} too.",
    "{people} bought {thing} and {thing} {place}.",
    "It was {mood} {place} {day}.",
    "The garden {place} was {mood}, as {people} said {day}.",
    "{people} remembered {thing} that stood {place}.",
    "Nobody knew why {people} liked {thing} so much.",
    "{day} everything was {mood}, so {people} {doing}.",
)
SLOTS: Final[Mapping[str, Sequence[str]]] = {
    "people": PEOPLE.split("|"),
    "day": DAYS.split("|"),
    "place": PLACES.split("|"),
    "doing": DOINGS.split("|"),
    "thing": THINGS.split("|"),
    "mood": MOODS.split("|"),
}


@dataclass(frozen=True, slots=True)
class Subject:
    """What the evidence of a label is made of: two sentences of `who` and `did`, and one of what `then` happened."""

    who: Sequence[str]
    did: Sequence[str]
    then: Sequence[str]


SUBJECTS: Final[Mapping[str, Subject]] = {
    "fire": Subject(
        ("smoke from the kitchen", "a burning candle", "a spark from the oven", "the hot stove"),
        ("set the roof on fire", "started a blaze", "burned the wooden stairs", "filled the hall with flames"),
        ("the firemen came with ladders", "an alarm rang and the engine came", "only ashes were left"),
    ),
    "theft": Subject(
        ("a thief", "two burglars", "a masked robber", "a pickpocket"),
        ("stole the jewels", "broke the lock and took the cash", "ran off with a purse", "robbed the safe"),
        ("the police looked for fingerprints", "a detective questioned witnesses", "the stolen goods were never found"),
    ),
    "illness": Subject(
        ("a bad flu", "a high fever", "a painful infection", "a severe cough"),
        ("sent the patient to hospital", "kept the child in bed", "needed strong medicine", "worried the doctor"),
        (
            "the nurse measured the temperature",
            "the surgeon gave an injection",
            "the pills helped the sick man recover",
        ),
    ),
    "football": Subject(
        ("the striker", "the home team", "the goalkeeper", "the captain of the club"),
        ("scored in the final minute", "won the match by three goals", "missed a penalty", "lost the cup final"),
        ("the referee showed a red card", "the fans cheered in the stadium", "the coach praised the players"),
    ),
    "money": Subject(
        ("the central bank", "a large investor", "the finance minister", "the stock exchange"),
        ("raised interest rates", "sold shares at a loss", "cut taxes on profits", "warned of inflation"),
        ("the currency fell against the dollar", "bond prices dropped", "the budget deficit grew by a billion"),
    ),
}


@dataclass(frozen=True, slots=True)
class Document:
    """A text, its label, and the characters of it that say the label."""

    text: str
    label: str
    evidence: range


def make_document(label: str, words: int, draw: random.Random) -> Document:
    """Return a document of at least `words` words, its evidence anywhere in it."""
    before, after = list[str](), list[str]()
    count, at = 0, draw.randrange(words)
    while count < words:
        sentence = filler(draw)
        (before if count < at else after).append(sentence)
        count += len(sentence.split())
    head, evidence = " ".join([*before, ""]), evidence_of(label, draw)
    return Document(" ".join([head + evidence, *after]), label, range(len(head), len(head) + len(evidence)))


def evidence_of(label: str, draw: random.Random) -> str:
    """Return three sentences that say the label."""
    subject = SUBJECTS[label]
    pairs = zip(draw.sample(subject.who, 2), draw.sample(subject.did, 2), strict=True)
    one, other = (f"{who} {did}" for who, did in pairs)
    return f"{one.capitalize()}. Then {draw.choice(subject.then)}. Later {other}."


def filler(draw: random.Random) -> str:
    """Return a sentence that says no label."""
    pattern = draw.choice(FILLER)
    while "{" in pattern:  # a slot at a time: a sentence may have one twice
        slot = pattern[pattern.index("{") + 1 : pattern.index("}")]
        pattern = pattern.replace("{" + slot + "}", draw.choice(SLOTS[slot]), 1)
    return pattern[0].upper() + pattern[1:]
