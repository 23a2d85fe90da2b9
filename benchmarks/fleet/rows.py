"""Synthetic rows and packs: short random words, no two texts alike, so that nothing is answered by what was before."""

import random
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from bitfit_exporters import ExportOptions, export
from bitfit_runtime import Base
from support.bulk import write_packs
from support.checkpoints import make_checkpoint

LETTERS = "abcdefghijklmnopqrstuvwxyz"


def prepare(work: Path, rows: int, tenants: int, parts: int, words: int = 4) -> tuple[Base, Path, str]:
    """Make a tiny base, a pack of random values for each tenant, and files of rows; what is there is kept."""
    if not (work / "base").exists():
        make_checkpoint("bert", work / "checkpoint")
        export(str(work / "checkpoint"), work / "base", ExportOptions(offline=True))
    base = Base.open(work / "base")
    packs = work / f"packs-{tenants}"
    if len(list(packs.glob("*.safetensors"))) < tenants:
        write_packs(base, packs, tenants)
    folder = work / f"rows-{rows}-{tenants}-{parts}"
    if len(list(folder.glob("*.parquet"))) < parts:
        write_rows(folder, rows, tenants, parts, words)
    return base, packs, f"{folder}/*.parquet"


def write_rows(folder: Path, rows: int, tenants: int, parts: int, words: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    draw = random.Random(0)
    for part in range(parts):
        numbers = range(part * rows // parts, (part + 1) * rows // parts)
        texts = [f"{_word(draw)} {n:x} " + " ".join(_word(draw) for _ in range(draw.randrange(words))) for n in numbers]
        names = [f"t{draw.randrange(tenants)}" for _ in numbers]
        parquet.write_table(pa.table({"text": texts, "tenant": names}), folder / f"part-{part:05d}.parquet")


def _word(draw: random.Random) -> str:
    return "".join(draw.choices(LETTERS, k=draw.randrange(2, 6)))
