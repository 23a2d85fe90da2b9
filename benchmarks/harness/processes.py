"""Fresh processes that measure themselves and print what they found as JSON."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from harness.options import BENCHMARKS


def run_script(script: Path, *arguments: object) -> Any:
    """Run a script of the suites in a fresh process and return the JSON document that it prints.

    Raises CalledProcessError where it fails, after writing what it said.
    """
    # -P: else the modules beside the script would hide others of the same name.
    command = [sys.executable, "-P", str(script), *map(str, arguments)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=_environment())
    if done.returncode:
        sys.stderr.write(done.stderr)
        done.check_returncode()
    return json.loads(done.stdout)


def process_milliseconds(code: str) -> float:
    """Return how long a whole process takes that runs a line of code and ends."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, env=_environment())
    return 1e3 * (time.perf_counter() - began)


def _environment() -> dict[str, str]:
    """Return the environment of a child: the suites on the path, and modules compiled as in an installed program."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    folders = filter(None, [str(BENCHMARKS), os.environ.get("PYTHONPATH")])
    return kept | {"PYTHONPATH": os.pathsep.join(folders)}
