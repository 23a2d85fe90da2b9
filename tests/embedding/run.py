"""`make test-embed`: runs every implementation's tests, and says what ran and what did not."""

import gzip
import json
import logging
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Final

from embedding.steps import ROOT, WORK, Step, steps
from embedding.tools import Tool, install
from vectors.make import document

PASSED, FAILED, SKIPPED = "passed", "FAILED", "skipped"
LIMIT: Final = 900  # seconds of a command
SHOWN: Final = 40  # lines of a command that failed
# What Python answers on this machine's kernels, which the others then have to give to the bit.
PACK_VECTORS: Final = WORK / "packs.json.gz"
# What test runners say of how much they ran.
COUNTS: Final = re.compile(r"^(?:# pass \d+|ℹ pass \d+|\d+ passed.*|\d+% tests passed.*|.*gzip.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Result:
    """How a step ended, after how many seconds, and what is to be said of it."""

    step: Step
    state: str
    seconds: float
    said: str

    @property
    def fails(self) -> bool:
        """Whether all fails with it."""
        return self.state == FAILED or (self.state == SKIPPED and "CI" in os.environ and not self.step.may_skip)


def main() -> int:
    """Run all steps, or those whose names hold an argument. Returns the exit code."""
    chosen = [step for step in steps() if not sys.argv[1:] or any(word in step.name for word in sys.argv[1:])]
    shutil.rmtree(WORK / "plain", ignore_errors=True)
    (WORK / "logs").mkdir(parents=True, exist_ok=True)
    logging.disable(logging.WARNING)  # of packs of version 0.1.0
    PACK_VECTORS.write_bytes(gzip.compress(document("packs")))
    missing = {tool: None for step in chosen for tool in step.tools if not tool.found}
    if missing:
        print(f"installing {', '.join(tool.name for tool in missing)}", flush=True)
        install(list(missing))
    results = []
    for number, step in enumerate(chosen):
        print(f"{step.name} …", flush=True)
        results.append(_run(step, number))
    print(_table(results))
    return int(any(result.fails for result in results))


def _run(step: Step, number: int) -> Result:
    why = _reason(step)
    if why is not None:
        return Result(step, SKIPPED, 0, why)
    log = WORK / "logs" / f"{number}.log"
    began, text = time.monotonic(), ""
    paths = os.pathsep.join(str(ROOT / part) for part in ("runtime", "exporters", "toolkit", "tests"))
    environment = os.environ | {"PYTHONPATH": paths, "PYTHONWARNINGS": ""} | dict(step.environment)
    environment["BITFIT_PACK_VECTORS"] = str(PACK_VECTORS)
    for command in step.commands:
        try:
            done = subprocess.run(
                command,
                cwd=step.folder,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                encoding="utf-8",
                errors="replace",
                timeout=LIMIT,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Result(step, FAILED, LIMIT, f"{command[0]} took more than {LIMIT} seconds")
        text += done.stdout
        log.write_text(text, encoding="utf-8")
        if done.returncode:
            print("\n".join(done.stdout.splitlines()[-SHOWN:]), flush=True)
            return Result(step, FAILED, time.monotonic() - began, f"{' '.join(command)[:60]}; see {log}")
    counts = [" ".join(line.strip("# ℹ").split()) for line in COUNTS.findall(text)]
    return Result(step, PASSED, time.monotonic() - began, "; ".join(counts[-3:]))


def _reason(step: Step) -> str | None:
    """Return why a step is skipped."""
    if step.elsewhere is not None:
        return step.elsewhere
    if not step.folder.is_dir():
        return f"no {step.folder.relative_to(ROOT)}"
    lacking: list[Tool] = [tool for tool in step.tools if not tool.found]
    if lacking:
        return "; ".join(dict.fromkeys(f"no {tool.name}: {tool.remedy}" for tool in lacking))
    if step.script is not None:
        package = json.loads((step.folder / "package.json").read_text(encoding="utf-8"))
        if step.script not in package.get("scripts", {}):
            return f"package.json has no script {step.script}"
    return None


def _table(results: list[Result]) -> str:
    width = max((len(result.step.name) for result in results), default=0)
    lines = [f"{r.step.name:{width}}  {r.state:7}  {r.seconds:4.0f} s  {r.said}" for r in results]
    total = sum(result.seconds for result in results)
    return "\n".join(["", *lines, f"{'all':{width}}           {total:4.0f} s"])


if __name__ == "__main__":
    sys.exit(main())
