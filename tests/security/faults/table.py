"""Every fault at every call, as a table: `make faults`. Exits with 1 if anything was torn, lowered, stuck or past."""

import argparse
import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

from bitfit_runtime import Base, write_pack
from bitfit_toolkit.publish import validate_pack
from security.faults import system_calls
from security.faults.device_cases import DeviceCase, World, device_cases
from security.faults.publish_cases import PublishCase, open_publisher, publish_cases
from security.faults.sweep import Row, sweep, table
from security.faults.system_calls import Command, trace
from security.faults.trial import Case
from support.publishing import PASSPHRASE

# Torch in this process would make every fork slower, so it is in another.
EXPORT = """
import sys; from pathlib import Path
from bitfit_exporters import ExportOptions, export
from support.checkpoints import make_checkpoint
folder = Path(sys.argv[1])
export(str(make_checkpoint("bert", folder / "checkpoint")), folder / "base", ExportOptions(offline=True))
"""


def main() -> int:
    arguments = _arguments()
    logging.disable(logging.WARNING)  # devices log what they give up, which is what is tried here
    top = Path(tempfile.mkdtemp(dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
    try:
        subprocess.run([sys.executable, "-c", EXPORT, str(top)], check=True)
        rows = []
        with ExitStack() as servers:
            for row in _rows(top, servers, arguments.step, arguments.system_calls):
                rows.append(row)
                sys.stdout.write(f"{row.operation}: {row.kills + row.errors} faults, {len(row.found)} findings\n")
                sys.stdout.writelines(f"  {line}\n" for line in row.found)
                sys.stdout.flush()
    finally:
        shutil.rmtree(top)
    arguments.output.mkdir(parents=True, exist_ok=True)
    (arguments.output / "faults.json").write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")
    (arguments.output / "table.md").write_text(table(rows))
    return int(any(row.found for row in rows))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("benchmarks/faults/results"))
    parser.add_argument("--step", type=int, default=1, help="try one fault in so many")
    parser.add_argument(
        "--no-system-calls", dest="system_calls", action="store_false", help="leave out what needs strace"
    )
    return parser.parse_args()


def _rows(top: Path, servers: ExitStack, step: int, traced: bool) -> Iterator[Row]:
    scratch, work = top / "cases", top / "work"
    for folder in (scratch, work, scratch / "device", scratch / "publisher"):
        folder.mkdir()
    world = World(scratch / "device", Base.open(top / "base"), servers)
    devices = device_cases(world)
    cases: list[Case] = [*devices, *publish_cases(scratch / "publisher")]
    for case in cases:
        yield sweep(case, work, step)
    if not traced:
        return
    if not system_calls.works(work):
        sys.stderr.write("strace is missing or may not trace here: no faults at system calls of real processes\n")
        return
    for command in _commands(top, world, devices):
        yield trace(command, work)


def _commands(top: Path, world: World, devices: Sequence[DeviceCase]) -> Iterator[Command]:
    update = next(case for case in devices if case.name == "update")
    (top / "root.json").write_bytes(update.root)
    options = f"--store FOLDER/data/store --url {update.now} --root {top}/root.json --base {top}/base --task mood"
    yield Command(update, ["update", "apply", *options.split()], {})

    first, base = top / "published", world.base.manifest.digest
    publisher = open_publisher(first)
    publisher.initialize()
    old, pack = (write_pack(world.packs[number], top / f"{number}.safetensors") for number in (1, 2))
    publisher.add([validate_pack(world.engine, task, old) for task in ("mood", "topics")])
    new = validate_pack(world.engine, "mood", pack)
    case = PublishCase("publish add", top / "add", first, lambda publisher: publisher.add([new]), base)
    options = f"--repository FOLDER/site --keys FOLDER/keys --base {top}/base mood={pack}"
    yield Command(case.observe(), ["publish", "add", *options.split()], {"BITFIT_KEY_PASSPHRASE": PASSPHRASE})


if __name__ == "__main__":
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    sys.exit(main())
