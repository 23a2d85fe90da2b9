"""Typed access to parsed JSON: a format error names the field, the expected type and the found one."""

import json
import math
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

T = TypeVar("T")


class Fields:
    """A JSON object whose fields are read by name and type.

    `fail` makes the exception to raise from a one-line message.
    """

    def __init__(self, value: object, where: str, fail: Callable[[str], Exception]) -> None:
        self._where = where
        self._fail = fail
        if not isinstance(value, Mapping):
            raise fail(f"{where}: expected an object, found {type(value).__name__}")
        self._value: Mapping[str, Any] = value

    def __contains__(self, name: str) -> bool:
        return name in self._value

    def get(self, name: str, kind: type[T]) -> T:
        """Return field `name`, which must be of type `kind` (an integer is accepted as a float)."""
        if name not in self._value:
            raise self._fail(f"{self._where}: field {name!r} is missing")
        value = self._value[name]
        return self._typed(value, name, kind)

    def optional(self, name: str, kind: type[T]) -> T | None:
        """Return field `name` as `get` does, or None where there is no such field."""
        return self.get(name, kind) if name in self._value else None

    def strings(self, name: str) -> tuple[str, ...]:
        """Return field `name`, a list of strings."""
        return self._list(name, str)

    def integers(self, name: str) -> tuple[int, ...]:
        """Return field `name`, a list of integers."""
        return self._list(name, int)

    def numbers(self, name: str) -> tuple[float, ...]:
        """Return field `name`, a list of numbers."""
        return self._list(name, float)

    def objects(self, name: str) -> list["Fields"]:
        """Return field `name`, a list of objects."""
        items = self.get(name, list)
        return [Fields(item, f"{self._where}: {name}[{i}]", self._fail) for i, item in enumerate(items)]

    def nested(self, name: str) -> "Fields":
        """Return field `name`, an object."""
        return Fields(self.get(name, dict), f"{self._where}: {name}", self._fail)

    def mapping(self, name: str, kind: type[T]) -> dict[str, T]:
        """Return field `name`, an object whose values are all of type `kind`."""
        inner = self.nested(name)
        return {inner._typed(key, key, str): inner.get(key, kind) for key in inner._value}

    def vectors(self, name: str, count: int) -> tuple[tuple[float, ...], ...]:
        """Return field `name`, a list of `count` lists of numbers."""
        rows = self.get(name, list)
        if len(rows) != count or not all(isinstance(row, list) for row in rows):
            raise self._fail(f"{self._where}: field {name!r} should be {count} lists of numbers")
        return tuple(tuple(self._typed(item, name, float) for item in row) for row in rows)

    def schema(self, *versions: int) -> None:
        """Check that field `schema_version` is one of `versions`."""
        found = self.get("schema_version", int)
        if found not in versions:
            remedy = "upgrade bitfit-edge" if found > max(versions) else "there was no such version"
            known = " and ".join(map(str, versions))
            raise self._fail(f"{self._where} has schema version {found}, this runtime reads {known}; {remedy}")

    def choice(self, name: str, allowed: tuple[str, ...]) -> str:
        """Return field `name`, a string that must be one of `allowed`."""
        value = self.get(name, str)
        if value not in allowed:
            raise self._fail(f"{self._where}: field {name!r} should be one of {', '.join(allowed)}, found {value!r}")
        return value

    def _list(self, name: str, kind: type[T]) -> tuple[T, ...]:
        return tuple(self._typed(item, name, kind) for item in self.get(name, list))

    def _typed(self, value: object, name: str, kind: type[T]) -> T:
        if kind is float and type(value) is int and abs(value) < 1 << 1023:  # a larger one does not fit into a float
            value = float(value)
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise self._fail(f"{self._where}: field {name!r} should be {kind.__name__}, found {type(value).__name__}")
        if isinstance(value, float) and not math.isfinite(value):
            raise self._fail(f"{self._where}: field {name!r} is not a finite number")
        if isinstance(value, str) and any("\ud800" <= character <= "\udfff" for character in value):
            raise self._fail(f"{self._where}: field {name!r} is not Unicode text (it holds half a surrogate pair)")
        return value


def load_json(data: str | bytes) -> Any:
    """Parse JSON. Raises ValueError, also where an object has a key twice: readers would differ in which one counts."""
    return json.loads(data, object_pairs_hook=_object)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        twice, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise ValueError(f"an object has the key {twice!r} twice")
    return found


def read_document(data: str | bytes, where: str, fail: Callable[[str], Exception], kind: str, *schemas: int) -> Fields:
    """Return the fields of a JSON document whose `format` is `kind` and whose `schema_version` is one of `schemas`."""
    try:
        document = load_json(data)
    except (ValueError, RecursionError) as error:
        raise fail(f"{where} is not JSON ({error})") from None
    fields = Fields(document, where, fail)
    fields.choice("format", (kind,))
    fields.schema(*schemas)
    return fields
