"""A small file of tasks on a tiny base, and what its packs are."""

import hashlib
import itertools
from pathlib import Path

from support.command_line import write_csv

TASKS = 6
GOOD, BAD = ("good", "fine", "great", "warm"), ("bad", "poor", "cold", "broken")


def write_tasks(folder: Path, count: int = TASKS, output: str = "packs") -> Path:
    """Write data of so many tasks, whose words differ, and the file of tasks that trains them."""
    folder.mkdir(parents=True, exist_ok=True)
    tables = ["[defaults]\nsteps = 2\nmax-length = 16\nlearning-rate = 0.01\nterms = 'all'\n"]
    for number in range(count):
        words = itertools.product(("it", f"task {number}", "they"), ("is", "was"), GOOD + BAD)
        rows = [(f"{a} {b} {c}", "up" if c in GOOD else "down") for a, b, c in words]
        write_csv(folder / f"tenant{number}.csv", rows)
        tables.append(
            f'[[task]]\nname = "tenant{number}"\ntrain = "tenant{number}.csv"\n'
            f'output = "{output}/tenant{number}.safetensors"\nseed = {number}\n'
        )
    path = folder / "tasks.toml"
    path.write_text("\n".join(tables), encoding="utf-8")
    return path


def digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each pack in a folder, by name."""
    found = sorted(folder.glob("*.safetensors"))
    return {path.stem: hashlib.sha256(path.read_bytes()).hexdigest() for path in found}
