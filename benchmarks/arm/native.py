"""The C core on ARM under QEMU: its tests over the shared vectors, its bits beside Python's there, rows in company.

    python -m arm.native [--demo FOLDER] [--output FOLDER]

Cross-compiles runtime/native into `.arm/native`, against the libraries in `.arm/` (`arm/root.py`). Needs what
`make arm` needs, g++-aarch64-linux-gnu, cmake, and the headers of nlohmann-json, zlib and libcrypto. Fails unless every
test passes, logits have Python's bits and rows in company those that they have alone.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from arm.root import ARM, ROOT, SITE, build_root, command_on, program_on
from bitfit_runtime import Engine
from harness.machine import facts
from harness.options import BENCHMARKS, make_parser, results_of
from harness.options import ROOT as PROJECT
from harness.reports import Table, write_report
from native.rows import demo_rows

BUILD, INCLUDE = ARM / "native", ARM / "include"
SOURCE: Final = PROJECT / "runtime" / "native"
VECTORS: Final = PROJECT / "tests" / "vectors"
PROCESSOR: Final = "cortex-a76"
TESTS: Final = ("tokens", "codepoints", "windows", "answers", "packs", "interface", "malformed")
EACH: Final = 10  # rows of each task


def main() -> None:
    """Build, test and compare."""
    arguments = parse_arguments()
    build_root()
    build_core()
    tests = [(name, test(name)) for name in TESTS]
    write_report(arguments.output, "The C core on ARM", facts() | {"there": PROCESSOR}, tables(tests, arguments.demo))
    print((arguments.output / "report.md").read_text(encoding="utf-8"))
    compared = json.loads((arguments.output / "report.json").read_text(encoding="utf-8"))["tables"][1]["rows"]
    if any(found != of for _, found, of in compared):
        sys.exit("the C core gives other bits or labels on ARM")


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = make_parser(__doc__, results_of("arm") / "native")
    parser.add_argument("--demo", type=Path, default=PROJECT / "demo-output", help="folder that `make demo` wrote")
    return parser.parse_args()


def build_core() -> None:
    """Cross-compile the C core and its tests."""
    tools = ("cmake", "aarch64-linux-gnu-g++")
    missing = [tool for tool in tools if shutil.which(tool) is None]
    if missing:
        sys.exit(f"{missing[0]} was not found; apt-get install cmake g++-aarch64-linux-gnu")
    # Of libcrypto's headers two lie where only this machine's compiler looks; they say the same for both.
    INCLUDE.mkdir(exist_ok=True)
    shutil.copytree(next(Path("/usr/include").glob("*/openssl")), INCLUDE / "openssl", dirs_exist_ok=True)
    libraries = ROOT / "usr" / "lib" / "aarch64-linux-gnu"
    options = {
        "CMAKE_TOOLCHAIN_FILE": SOURCE / "cmake" / "aarch64.cmake",
        "CMAKE_CXX_FLAGS": f"-isystem {INCLUDE}",
        "CMAKE_SHARED_LINKER_FLAGS": f"-Wl,-rpath-link,{libraries}",
        "CMAKE_EXE_LINKER_FLAGS": f"-Wl,-rpath-link,{libraries}",
        "BITFIT_ORT_LIBRARY": next((SITE / "onnxruntime" / "capi").glob("libonnxruntime.so.*")),
        "BITFIT_BINDINGS": "OFF",
        "ZLIB_LIBRARY": next(libraries.glob("libz.so.1")),
        "ZLIB_INCLUDE_DIR": "/usr/include",
        "OPENSSL_CRYPTO_LIBRARY": next(libraries.glob("libcrypto.so.3")),
        "OPENSSL_INCLUDE_DIR": "/usr/include",
    }
    given = [f"-D{name}={value}" for name, value in options.items()]
    subprocess.run(["cmake", "-S", str(SOURCE), "-B", str(BUILD), *given], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", str(BUILD), "--parallel", "2"], check=True, stdout=subprocess.DEVNULL)


def test(name: str) -> str:
    """Run a test of the C core and return the line that it ends with."""
    command = program_on(PROCESSOR, [str(BUILD / "tests" / f"test_{name}"), str(VECTORS)])
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout.strip().removeprefix(f"{name}: ")


def tables(tests: list[tuple[str, str]], demo: Path) -> list[Table]:
    """Return what the tests said, and how the demo's rows compare."""
    base, packs = demo / "base", sorted(demo.glob("*.safetensors"))
    rows = demo_rows(PROJECT / "examples" / "data", [pack.stem for pack in packs])[: EACH * len(packs)]
    engine = Engine(base, threads=1)
    for pack in packs:
        engine.install(pack.stem, pack)
    labels = [int(found.argmax()) for found in engine.logits(rows)]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rows.json"
        file.write_text(json.dumps([(row.task, row.text, row.text_pair) for row in rows]), encoding="utf-8")
        core = guest("native/guest.py", BUILD / "libbitfit.so", base, file, *packs)
        python = guest("arm/rows_guest.py", base, file, *packs)
    there = [int(np.frombuffer(bytes.fromhex(bits), np.float32).argmax()) for bits in core["alone"]]
    compared = (
        ("kernels of C and Python there", [core["kernels"]], [python["kernels"]]),
        ("logits of C and Python there", core["alone"], python["alone"]),
        ("rows of C in lists of 32 and alone", core["together"], core["alone"]),
        ("labels of C there and Python here", there, labels),
    )
    counts = [(name, str(equal(one, two)), str(len(one))) for name, one, two in compared]
    return [
        Table("Tests", "Over the vectors that all implementations share.", ("test", "found"), tests),
        Table("Rows of the demo", f"{EACH} of each task, on MiniLM.", ("compared", "equal", "of"), counts),
    ]


def equal(one: Sequence[object], two: Sequence[object]) -> int:
    """Return in how many places two lists are equal."""
    return sum(left == right for left, right in zip(one, two, strict=True))


def guest(script: str, *arguments: object) -> Any:
    """Run a script of the suites in the Python there and return the JSON document that it prints."""
    command = command_on(PROCESSOR, [str(BENCHMARKS / script), *map(str, arguments)])
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


if __name__ == "__main__":
    main()
