"""WordPiece by the tables, as ports do it: what `tests/vectors/README.md` says, in Python."""

import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

HANGUL_FIRST, VOWELS, TAILS = 0xAC00, 21, 28
LEADS, VOWEL_FIRST, TAIL_FIRST = 0x1100, 0x1161, 0x11A7
DROPPED, SPACED, HANGUL, ALONE, BECOMES = 0, 1, 2, 3, 4
HEADER: Final = 16


class Piece(NamedTuple):
    """A token: its id, and the characters it stands for."""

    id: int
    start: int
    end: int


class Part(NamedTuple):
    """A character of the normalized text: `character` is None where it was taken off, `origin` the one it was."""

    character: str | None
    origin: int
    alone: bool = False
    added: bool = False


@dataclass(frozen=True, slots=True)
class Reader:
    """The three lists of a table: by character what it becomes, its combining class and its kind."""

    becomes: dict[int, tuple[int, ...]]
    classes: dict[int, int]
    kinds: dict[int, int]

    @classmethod
    def of(cls, path: Path) -> "Reader":
        data = path.read_bytes()
        numbers = _numbers(zlib.decompress(data[HEADER:], -15))
        becomes = dict(_runs(numbers, True))
        return cls(becomes, *({code: value[0] for code, value in _runs(numbers, False)} for _ in range(2)))


def _numbers(data: bytes) -> Any:
    number = shift = 0
    for byte in data:
        number |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            yield number
            number = shift = 0


def _runs(numbers: Any, changes: bool) -> Any:
    code = 0
    for _ in range(next(numbers)):
        code += next(numbers)
        length, value = next(numbers) + 1, next(numbers)
        others = [next(numbers) for _ in range((value - BECOMES) // 2 if changes else 0)]
        for own in range(code, code + length):
            yield own, (value, *(own + (number >> 1 ^ -(number & 1)) for number in others))
        code += length


class WordPiece:
    """A `tokenizer.json` of WordPiece with its table."""

    def __init__(self, document: dict[str, Any], table: Reader) -> None:
        model = document["model"]
        self._table = table
        self._vocabulary: dict[str, int] = model["vocab"]
        self._unknown: int = self._vocabulary[model["unk_token"]]
        self._inside: str = model["continuing_subword_prefix"]
        self._longest: int = model["max_input_chars_per_word"]
        added = {token["content"]: token["id"] for token in document["added_tokens"]}
        self._added = dict(sorted(added.items(), key=lambda item: -len(item[0])))

    def tokens(self, text: str) -> list[Piece]:
        """Return the tokens of a text, without special ones around it."""
        found: list[Piece] = []
        start = index = 0
        while index < len(text):
            added = next((token for token in self._added if text.startswith(token, index)), None)
            if added is None:
                index += 1
                continue
            found += self._piece(text, start, index)
            found.append(Piece(self._added[added], index, index + len(added)))
            start = index = index + len(added)
        return found + self._piece(text, start, len(text))

    def _piece(self, text: str, start: int, end: int) -> list[Piece]:
        found: list[Piece] = []
        word: list[Part] = []
        for part in [*self._normalized(text, start, end), Part(" ", end)]:
            if part.character is None:
                continue
            if word and (part.alone or part.character == " "):
                found += self._word(word)
                word = []
            if part.alone:
                found += self._word([part])
            elif part.character != " ":
                word.append(part)
        return found

    def _normalized(self, text: str, start: int, end: int) -> list[Part]:
        found: list[Part] = []
        run: list[tuple[int, Part]] = []  # what has a combining class, since the last character that has none
        for index in range(start, end):
            for combining, part in self._changed(ord(text[index]), index):
                if combining:
                    run.append((combining, part))
                    continue
                found += _ordered(run, found)
                run = []
                found.append(part)
        return found + _ordered(run, found)

    def _changed(self, code: int, index: int) -> list[tuple[int, Part]]:
        how, *others = self._table.becomes.get(code, (BECOMES + 2, code))
        if how == DROPPED:
            return []
        if how == SPACED:
            return [(0, Part(" ", index))]
        if how == HANGUL:
            others, alone = _syllable(code), False
        elif how == ALONE:
            others, alone = [code], True
        else:
            alone = bool(how & 1)
        if not others:
            return [(self._table.classes.get(code, 0), Part(None, index))]
        return [
            (self._table.classes.get(other, 0), Part(chr(other), index, alone, place > 0))
            for place, other in enumerate(others)
        ]

    def _word(self, word: list[Part]) -> list[Piece]:
        whole = "".join(part.character or "" for part in word)
        unknown = [Piece(self._unknown, word[0].origin, word[-1].origin + 1)]
        if len(whole) > self._longest:
            return unknown
        found: list[Piece] = []
        start = 0
        while start < len(whole):
            prefix = self._inside if start else ""
            end = next(
                (end for end in range(len(whole), start, -1) if prefix + whole[start:end] in self._vocabulary), None
            )
            if end is None:
                return unknown
            piece = self._vocabulary[prefix + whole[start:end]]
            found.append(Piece(piece, word[start].origin, word[end - 1].origin + 1))
            start = end
        return found


def _ordered(run: list[tuple[int, Part]], before: list[Part]) -> list[Part]:
    """Return a run in the order of combining classes; origins stay in the order of the text."""
    if not run:
        return []
    origins = iter([part.origin for _, part in run if not part.added])
    origin = before[-1].origin if before else 0
    found: list[Part] = []
    for _, part in sorted(run, key=lambda item: item[0]):
        origin = origin if part.added else next(origins)
        found.append(part._replace(origin=origin))
    return found


def _syllable(code: int) -> list[int]:
    number = code - HANGUL_FIRST
    lead, rest = divmod(number, VOWELS * TAILS)
    vowel, tail = divmod(rest, TAILS)
    return [LEADS + lead, VOWEL_FIRST + vowel, *([TAIL_FIRST + tail] if tail else [])]
