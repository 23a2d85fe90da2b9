"""Changes that keep a file's structure, so that they reach what lies behind the first check."""

import json
from collections.abc import Callable
from copy import deepcopy
from random import Random
from typing import Any

Mutation = Callable[[bytes, Random], bytes]

ODD_INTEGERS = (0, 1, -1, 3, 16, 255, 65_537, 1 << 31, (1 << 53) + 1, 1 << 63, 1 << 64, 10**400)
ODD_FLOATS = (0.5, -0.0, 1e308, 5e-324, float("nan"), float("inf"))
ODD_TEXTS = ("", "a", "\ud800", "\x1b[2J\n", "é" * 300, "../../x", "1.7976931348623157e308", "1_0")
OTHER_NAMES = ("BF16", "F8_E5M2", "F64", "U8", "I8", "float16", "embedding", "nul")
ODD_LISTS: tuple[Any, ...] = ([], [[]], [0] * 40, ["q"], ["a", "a"], {}, {"": 0})
ODD_VALUES = (None, True, False, *ODD_INTEGERS, *ODD_FLOATS, *ODD_TEXTS, *OTHER_NAMES, *ODD_LISTS)
ODD_BYTES = (b"[" * 5000, b'{"":' * 500, b"1e999", b"-", b"0" * 5000, b"\\ud800", b"\xff\xfe", b"\0" * 8, b"\xff" * 8)


def mutate_bytes(data: bytes, random: Random) -> bytes:
    """Change, cut, repeat or insert some bytes."""
    changed = bytearray(data)
    for _ in range(random.randint(1, 4)):
        start = random.randint(0, len(changed))
        end = min(len(changed), start + random.choice((0, 1, 1, 1, 4, 16)))
        kind = random.randrange(5)
        if kind == 0 and end > start:
            changed[start] ^= 1 << random.randrange(8)
        elif kind == 1:
            changed[start:end] = random.randbytes(end - start)
        elif kind == 2:
            changed[start:end] = b""
        elif kind == 3:
            changed[start:start] = changed[start:end]
        else:
            changed[start:end] = random.choice(ODD_BYTES)
    return bytes(changed)


def mutate_json(data: bytes, random: Random) -> bytes:
    """Change values of a JSON document, now and then its text; other data byte by byte."""
    document = _parse(data)
    if document is None or random.random() < 0.1:
        return mutate_bytes(data, random)
    return _dump(_changed(document, random))


def mutate_pack(data: bytes, random: Random) -> bytes:
    """Change a pack's description, its table of tensors, the tensors' bytes, or the file byte by byte."""
    length = int.from_bytes(data[:8], "little")
    header, body = _parse(data[8 : 8 + length]), data[8 + length :]
    document = _parse(header["__metadata__"]["bitfit"].encode()) if _is_pack_header(header) else None
    kind = random.random()
    if document is None or kind < 0.1:
        return mutate_bytes(data, random)
    if kind < 0.6:
        header["__metadata__"]["bitfit"] = _dump(_changed(document, random)).decode()
    elif kind < 0.8:
        header = _changed(header, random)
    else:
        body = mutate_bytes(body, random)
    table = _dump(header)
    return len(table).to_bytes(8, "little") + table + body


def _is_pack_header(header: Any) -> bool:
    metadata = header.get("__metadata__") if isinstance(header, dict) else None
    return isinstance(metadata, dict) and isinstance(metadata.get("bitfit"), str) and metadata["bitfit"].isascii()


def _changed(document: Any, random: Random) -> Any:
    """Return the document, one of its parts replaced, removed, repeated or renamed."""
    document = [document]  # so that the whole can be replaced too
    holder, key = random.choice(_places(document))
    kind = random.randrange(4)
    if kind == 0 and holder is not document:
        del holder[key]
    elif kind == 1:
        other, name = random.choice(_places(document))
        holder[key] = deepcopy(other[name])
    elif kind == 2 and isinstance(holder, dict):
        holder[random.choice((key.upper(), key + "\0", "", "\ud800", "é" * 300, "\x1b\n"))] = holder.pop(key)
    elif kind == 3 and isinstance(holder[key], str) and holder[key]:
        holder[key] = mutate_bytes(holder[key].encode("utf-8", "surrogatepass"), random).decode("latin-1")
    else:
        holder[key] = deepcopy(random.choice(ODD_VALUES))
    return document[0]


def _places(document: list[Any]) -> list[tuple[Any, Any]]:
    """Every value inside, as its holder and its key or index."""
    found: list[tuple[Any, Any]] = []
    holders: list[Any] = [document]
    for holder in holders:
        for key in range(len(holder)) if isinstance(holder, list) else list(holder):
            found.append((holder, key))
            if isinstance(holder[key], dict | list):
                holders.append(holder[key])
    return found


def _parse(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def _dump(document: Any) -> bytes:
    try:
        return json.dumps(document).encode()
    except RecursionError:
        return b"null"
