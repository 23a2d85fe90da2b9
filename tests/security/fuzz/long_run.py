"""Long runs of the fuzzers that draw each input by a seed: `make fuzz`. They stop at any time, and go on from there.

    PYTHONPATH=tests python -m security.fuzz.long_run [FUZZER ...] [--runs 100000] [--commands 200] [--minutes 30]
    PYTHONPATH=tests python -m security.fuzz.long_run FUZZER --seed NUMBER [--real]

Inputs are tried in this process, then some as real commands. How far each run came, and what it found, lies in the
folder; the second form tries one input again. To begin anew, remove the folder.
"""

import argparse
import importlib
import json
import os
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from contextlib import chdir
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from bitfit_runtime.files import write_file

FUZZERS: Final = ("data_files", "model_folders", "command_lines")
SAVED_EVERY: Final = 10  # seconds
# What an input does is another thing with the network, a prompt for a passphrase, or a bar of progress.
ENVIRONMENT: Final = {
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "BITFIT_KEY_PASSPHRASE": "a passphrase",
}


class Fuzzer(Protocol):
    """Draws inputs by seed and tries them in the working folder. Both return the outcome's name; a finding raises."""

    def call(self, seed: int) -> str:
        """Try an input in this process."""

    def command(self, seed: int) -> str:
        """Try an input as a real command."""


@dataclass
class Progress:
    """How far a run came: the next seed, what became of the inputs, seconds of work, megabytes, and the findings."""

    next_seed: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    seconds: float = 0
    peak_mb: int = 0
    findings: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path) -> "Progress":
        """Return what was written, a new one where there is none."""
        if not path.exists():
            return cls()
        document = json.loads(path.read_bytes())
        return cls(**{**document, "outcomes": Counter(document["outcomes"])})

    def write(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, json.dumps(vars(self), indent=1).encode())


def go_on(attempt: Callable[[int], str], path: Path, runs: int, deadline: float = float("inf")) -> Progress:
    """Try inputs until `runs` were tried in all, or until `deadline`, a time of the monotonic clock.

    Whatever an attempt raises is a finding; the run goes on after it, and is interrupted by the keyboard alone.
    """
    progress = Progress.read(path)
    began, saved = time.monotonic() - progress.seconds, time.monotonic()

    def save() -> None:
        progress.seconds, progress.peak_mb = time.monotonic() - began, max(progress.peak_mb, _peak_mb())
        progress.write(path)

    try:
        while progress.next_seed < runs and time.monotonic() < deadline:
            progress.outcomes[_outcome(attempt, progress)] += 1
            progress.next_seed += 1
            if time.monotonic() - saved > SAVED_EVERY:
                saved = time.monotonic()
                save()
    finally:
        save()
    return progress


def _outcome(attempt: Callable[[int], str], progress: Progress) -> str:
    try:
        return attempt(progress.next_seed)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a panic of Rust code is no Exception
        progress.findings.append(f"seed {progress.next_seed}: {''.join(traceback.format_exception(error, limit=-4))}")
        return "found"


def _peak_mb() -> int:
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) * 1024 // 1_000_000 for line in lines if line.startswith("VmHWM")), 0)


def main() -> None:
    """Run the fuzzers one after another; exit with 1 if any found something."""
    arguments = _arguments()
    os.environ |= ENVIRONMENT  # before a fuzzer imports its libraries
    folder: Path = arguments.folder.absolute()
    deadline = time.monotonic() + 60 * arguments.minutes
    sound = True
    for name in arguments.fuzzers or FUZZERS:
        with tempfile.TemporaryDirectory() as work, chdir(work):
            fuzzer: Fuzzer = importlib.import_module(f"security.fuzz.{name}").open_fuzzer(Path(work))
            if arguments.seed is not None:
                print((fuzzer.command if arguments.real else fuzzer.call)(arguments.seed))
                continue
            for attempt, runs in ((fuzzer.call, arguments.runs), (fuzzer.command, arguments.commands)):
                label = f"{name}, {attempt.__name__}s"
                progress = go_on(attempt, folder / f"{label.replace(', ', '-')}.json", runs, deadline)
                sound = sound and not progress.findings
                print(describe(label, runs, progress), flush=True)
    sys.exit(not sound)


def describe(label: str, runs: int, progress: Progress) -> str:
    """Return a line of what a run tried, and what it found below."""
    most = ", ".join(f"{count:,} {outcome}" for outcome, count in progress.outcomes.most_common())
    tried = f"{progress.next_seed:,}" if progress.next_seed >= runs else f"{progress.next_seed:,} of {runs:,}"
    line = f"{label}: {tried} in {progress.seconds:.0f} s, {progress.peak_mb} MB at most ({most})"
    return "\n".join([line, *progress.findings[:20]])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("fuzzers", nargs="*", metavar="FUZZER", help=f"of {', '.join(FUZZERS)}; all by default")
    parser.add_argument("--runs", type=int, default=100_000, help="inputs of each in this process, earlier calls' too")
    parser.add_argument("--commands", type=int, default=200, help="inputs of each as real commands")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="stop after so many; a later call goes on")
    parser.add_argument("--folder", type=Path, default=Path(".fuzz/drawn"), help="where progress and findings lie")
    parser.add_argument("--seed", type=int, help="try this input of one fuzzer")
    parser.add_argument("--real", action="store_true", help="as a real command")
    arguments = parser.parse_args()
    if strangers := set(arguments.fuzzers) - set(FUZZERS):
        parser.error(f"no such fuzzer: {', '.join(strangers)}")
    if arguments.seed is not None and len(arguments.fuzzers) != 1:
        parser.error("name the one fuzzer whose seed it is")
    return arguments


if __name__ == "__main__":
    main()
