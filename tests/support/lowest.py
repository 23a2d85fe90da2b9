"""Whether the lowest versions that pyproject.toml declares of the runtime and the command line do what they should.

    .venv-lowest/bin/python tests/support/lowest.py

Needs no package of the tests: `make test-lowest` calls it in an environment of its own, whose versions are those of
constraints-lowest.txt.
"""

import importlib.metadata
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from bitfit_runtime import Engine, Row

ROOT = Path(__file__).parents[2]
FROZEN = ROOT / "tests" / "data" / "frozen"
PRECISIONS = ("fp32", "int8", "int4")


def main() -> None:
    """Fail at the first thing that does not work."""
    for line in (ROOT / "constraints-lowest.txt").read_text().splitlines():
        if "==" in line and not line.startswith("#"):
            name, version = line.split("==")
            assert importlib.metadata.version(name) == version, f"{name} is {importlib.metadata.version(name)}"
    packs = sum(answer_frozen_packs(precision) for precision in PRECISIONS)
    with tempfile.TemporaryDirectory() as folder:
        commands = call_commands(Path(folder))
    sys.stdout.write(f"the lowest versions load {len(PRECISIONS)} bases and {packs} packs; {commands} commands work\n")


def answer_frozen_packs(precision: str) -> int:
    """Answer the frozen texts by each pack of a frozen base, as the version that froze them did but for rounding."""
    engine = Engine(FROZEN / f"base-{precision}", threads=1, self_test="full")
    files = sorted((FROZEN / f"packs-{precision}").iterdir())
    for file in files:
        engine.install(file.stem, file)
    for task in engine.tasks:
        pair = "and bob" if task.startswith(("span", "regression")) else None
        answer = engine.predict(Row("ann saw bob", task, pair))
        assert answer.task == task and answer.as_dict(), task
    return len(files)


def call_commands(folder: Path) -> int:
    """Call commands that need the lowest versions of their extras; return how many."""
    base, pack = FROZEN / "base-int8", FROZEN / "packs-int8" / "classification-int8.safetensors"
    rows = folder / "rows.csv"
    rows.write_text("text\nann saw bob\nnobody\n")
    site = ("--repository", folder / "site", "--keys", folder / "keys")
    calls: tuple[tuple[Any, ...], ...] = (
        ("--help",),
        ("train", "--help"),
        ("predict", "--help"),
        ("inspect", base),
        ("inspect", pack, "--json"),
        ("predict", "--base", base, "--pack", f"t={pack}", "--text", "ann saw bob"),
        ("predict", "--base", base, "--pack", f"t={pack}", "--input", rows, "--json"),
        ("publish", "init", *site, "--root-keys", folder / "root-keys"),
        ("publish", "add", *site, "--base", base, f"mood={pack}"),
        ("publish", "status", *site, "--json"),
    )
    environment = os.environ | {"BITFIT_KEY_PASSPHRASE": "a passphrase"}
    for call in calls:
        command = [sys.executable, "-m", "bitfit_toolkit", *map(str, call)]
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        assert done.returncode == 0, f"bitfit {' '.join(map(str, call))}: {done.stderr}"
        if "--json" in call:
            for line in done.stdout.splitlines():
                json.loads(line)
    return len(calls)


if __name__ == "__main__":
    main()
