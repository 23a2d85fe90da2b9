"""Rows of many tenants in several files, and packs that answer them."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from bitfit_runtime import Base
from bitfit_runtime.formats import write_pack
from support.packs import random_pack

WORDS = ("alpha", "brave", "cedar", "delta", "eager", "fable", "grape", "honey")


def text_of(number: int) -> str:
    """A text of one to seven words, another for each number."""
    return " ".join(WORDS[(number * 7 + place * (number % 5 + 1)) % 8] for place in range(number % 7 + 1))


def write_packs(base: Base, folder: Path, count: int, labels: int = 2, from_layer: int = 0) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        pack = random_pack(base, number, labels=labels, from_layer=from_layer)
        write_pack(pack, folder / f"t{number}.safetensors")
    return folder


def write_part(path: Path, rows: list[dict[str, Any]]) -> Path:
    """Write rows as Parquet, or as JSON lines where the name says so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        parquet.write_table(pa.Table.from_pylist(rows), path)
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def write_parts(folder: Path, parts: int, rows: int, tenants: int) -> str:
    """Write so many files with so many rows each, and return the pattern that finds them."""
    for part in range(parts):
        numbers = range(part * rows, (part + 1) * rows)
        found = [{"text": text_of(n), "tenant": f"t{n * 13 % tenants}"} for n in numbers]
        write_part(folder / f"day={part}" / "rows.parquet", found)
    return f"{folder}/*/*.parquet"


def outputs(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below a folder, by its name in it."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def read_rows(path: Path) -> list[dict[str, Any]]:
    return parquet.read_table(path).to_pylist()  # type: ignore[no-any-return]
