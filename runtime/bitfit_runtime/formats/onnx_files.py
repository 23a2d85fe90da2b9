"""Files that an ONNX graph takes weights from, read without loading the graph.

The encoding is that of Protocol Buffers: fields of a number and a type, where messages nest. Only those messages are
entered that can hold a tensor; weights themselves are passed over. Numbers of fields are those of `onnx.proto`.
"""

import mmap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from bitfit_runtime.errors import BaseFormatError

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
LONGEST_VARINT: Final = 10
DEEPEST: Final = 64

# Message → field → the message in it.
MESSAGES: Final[Mapping[str, Mapping[int, str]]] = {
    "Model": {7: "Graph", 20: "TrainingInfo", 25: "Function"},
    "Graph": {1: "Node", 5: "Tensor", 15: "SparseTensor"},
    "Node": {5: "Attribute"},
    "Attribute": {5: "Tensor", 6: "Graph", 10: "Tensor", 11: "Graph", 22: "SparseTensor", 23: "SparseTensor"},
    "SparseTensor": {1: "Tensor", 2: "Tensor"},
    "Function": {7: "Node", 11: "Attribute"},
    "TrainingInfo": {1: "Graph", 2: "Graph"},
    "Tensor": {13: "Entry"},
}
KEY, VALUE = 1, 2
LOCATION: Final = b"location"


def external_files(path: Path) -> frozenset[str]:
    """Return the locations of external data that a graph names. Raises BaseFormatError, OSError."""
    with path.open("rb") as stream:
        if path.stat().st_size == 0:
            raise BaseFormatError(f"{path} is empty; copy or export the base again")
        with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
            try:
                found = frozenset(_locations(data, 0, len(data), "Model", 0))
            except (ValueError, IndexError) as error:
                raise BaseFormatError(f"{path} is not an ONNX graph ({error}); copy or export the base again") from None
    return frozenset(location.decode("utf-8", "backslashreplace") for location in found)


def _locations(data: mmap.mmap, start: int, end: int, message: str, depth: int) -> Iterator[bytes]:
    if depth > DEEPEST:
        raise ValueError("it nests too deeply")
    if message == "Entry":
        yield from _location(data, start, end)
        return
    inner = MESSAGES[message]
    for number, begin, stop in _fields(data, start, end):
        if number in inner:
            yield from _locations(data, begin, stop, inner[number], depth + 1)


def _location(data: mmap.mmap, start: int, end: int) -> Iterator[bytes]:
    """Yield the value of a (key, value) whose key is `location`; where a field is there twice, the last one counts."""
    fields = {number: data[begin:stop] for number, begin, stop in _fields(data, start, end)}
    if fields.get(KEY) == LOCATION:
        yield fields.get(VALUE, b"")


def _fields(data: mmap.mmap, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield number, begin and end of each field that is bytes or a message."""
    place = start
    while place < end:
        tag, place = _varint(data, place)
        kind = tag & 7
        if kind == BYTES:
            size, place = _varint(data, place)
            if place + size > end:
                raise ValueError("a field is longer than what it is in")
            yield tag >> 3, place, place + size
            place += size
        elif kind == VARINT:
            _, place = _varint(data, place)
        elif kind in (FIXED32, FIXED64):
            place += 4 if kind == FIXED32 else 8
        else:
            raise ValueError(f"a field has the unknown type {kind}")
    if place != end:
        raise ValueError("a field is longer than what it is in")


def _varint(data: mmap.mmap, place: int) -> tuple[int, int]:
    byte = data[place]
    if byte < 0x80:
        return byte, place + 1
    value = byte & 0x7F
    for shift in range(1, LONGEST_VARINT):
        byte = data[place + shift]
        value |= (byte & 0x7F) << (7 * shift)
        if byte < 0x80:
            return value, place + shift + 1
    raise ValueError("a number is too long")
