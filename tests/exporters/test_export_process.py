"""Exports in processes of their own: killed, out of space, and by hub name from the local cache."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from bitfit_runtime import Base

EXPORT = "from bitfit_toolkit.cli.app import run; run(sys.argv[1:])"
KILL = (
    "import os, signal, bitfit_exporters.pipeline as e; "
    "e.verify = lambda *a: os.kill(os.getpid(), signal.SIGKILL)  # the files are written, nothing is proved\n"
)
FULL = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"  # a write beyond fails


def export(model: str, output: Path, before: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", f"import sys\n{before}{EXPORT}"]
    arguments = ["export", "--model", model, "--output", str(output), "--offline", "--quiet"]
    return subprocess.run([*command, *arguments], env=os.environ | environment, capture_output=True, text=True)


def test_an_export_that_is_killed_or_runs_out_of_space_leaves_the_earlier_base(
    checkpoint: Path, base: Base, tmp_path: Path
) -> None:
    output = Path(shutil.copytree(base.folder, tmp_path / "base"))
    killed = export(str(checkpoint), output, KILL)
    assert killed.returncode == -signal.SIGKILL
    Base.open(output).verify()
    full = export(str(checkpoint), output, FULL)
    assert full.returncode == 8 and full.stderr.startswith("error: ") and full.stderr.count("\n") == 1, full.stderr
    Base.open(output).verify()
    assert export(str(checkpoint), output).returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["base"], "what the killed export left behind is cleared"


def test_a_short_name_is_found_in_the_local_hub_cache_without_network(checkpoint: Path, tmp_path: Path) -> None:
    repository = tmp_path / "cache" / "models--distilbert--distilbert-base-uncased"
    shutil.copytree(checkpoint, repository / "snapshots" / "0123abcd")
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("0123abcd")
    done = export("distilbert-base", tmp_path / "base", HF_HUB_CACHE=str(tmp_path / "cache"))
    assert done.returncode == 0, done.stderr
    assert Base.open(tmp_path / "base").manifest.name == "distilbert-base-uncased"
