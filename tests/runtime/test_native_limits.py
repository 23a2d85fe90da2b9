"""The C core's limits and schemas are those of the Python runtime."""

import re
from dataclasses import asdict
from pathlib import Path

from bitfit_runtime.formats.schema import EXTENDED_BASE_SCHEMA, LIMITS, PACK_FIELDS

SOURCES = Path(__file__).resolve().parents[2] / "runtime" / "native" / "src"


def test_the_c_core_has_the_same_limits() -> None:
    text = (SOURCES / "limits.hpp").read_text(encoding="utf-8")
    found = {name: _number(value) for name, value in re.findall(r"constexpr std::\w+ (\w+) = ([\w< ]+);", text)}
    expected = asdict(LIMITS)
    assert expected.items() <= found.items()


def test_the_c_core_knows_the_same_fields_that_came_later() -> None:
    text = (SOURCES / "pack.cpp").read_text(encoding="utf-8")
    fields = re.findall(r'{"(\w+)", (\d)}', text)
    assert {name: int(first) for name, first in fields} == dict(PACK_FIELDS)
    assert f"newest_schema = {max(PACK_FIELDS.values())};" in text
    manifest = (SOURCES / "manifest.cpp").read_text(encoding="utf-8")
    assert f"newest_schema = {EXTENDED_BASE_SCHEMA};" in manifest


def _number(value: str) -> int:
    first, _, shift = value.partition(" << ")
    return int(first) << int(shift or 0)
