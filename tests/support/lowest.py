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
from bitfit_runtime.errors import BaseFormatError
from bitfit_runtime.session import products_saturate

ROOT = Path(__file__).parents[2]
FROZEN = ROOT / "tests" / "data" / "frozen"
PRECISIONS = ("fp32", "int4", "int8")


def main() -> None:
    """Fail at the first thing that does not work."""
    for line in (ROOT / "constraints-lowest.txt").read_text().splitlines():
        if "==" in line and not line.startswith("#"):
            name, version = line.split("==")
            assert importlib.metadata.version(name) == version, f"{name} is {importlib.metadata.version(name)}"
    precisions = usable()
    packs = sum(answer_frozen_packs(precision) for precision in precisions)
    with tempfile.TemporaryDirectory() as folder:
        commands = call_commands(Path(folder), precisions[-1])
    sys.stdout.write(f"the lowest versions load {len(precisions)} bases and {packs} packs; {commands} commands work\n")


def usable() -> tuple[str, ...]:
    """Return the precisions of bases that work here: integers need more on x86 without VNNI, and are refused there."""
    if not products_saturate():
        return PRECISIONS
    for precision in ("int8", "int4"):
        try:
            Engine(FROZEN / f"base-{precision}")
        except BaseFormatError as error:
            sys.stdout.write(f"{precision} is refused here: {error}\n")
        else:
            raise AssertionError(f"{precision} should be refused here")
    return ("fp32",)


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


def call_commands(folder: Path, precision: str) -> int:
    """Call commands that need the lowest versions of their extras; return how many."""
    base = FROZEN / f"base-{precision}"
    pack = sorted((FROZEN / f"packs-{precision}").glob("classification-*"))[0]
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
