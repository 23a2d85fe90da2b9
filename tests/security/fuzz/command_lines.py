"""Command lines drawn at random, each option with a value that it takes or an odd one: what must hold of every call.

    PYTHONPATH=tests python -m security.fuzz.command_lines [--runs 100000] [--real 200] [--seed 0]

Calls in one process, then as many real commands as asked. A call must leave with a documented exit code, and with no
more than one printable line of error; it may not block.
"""

import argparse
import contextlib
import io
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any, NoReturn

import typer

from bitfit_runtime import Base, write_pack
from bitfit_toolkit.cli.app import assemble, run
from bitfit_toolkit.cli.failures import DEFECT, EXIT_CODES, USAGE
from support.packs import random_pack

DOCUMENTED = {0, USAGE, *(code for _, code in EXIT_CODES)}
LONGEST_LINE = 1100
SECONDS = 60  # that a call may take
# These run until they are interrupted, or train for minutes.
ENDLESS = {("publish", "serve"), ("update", "watch"), ("compare",)}
ODD = (
    *(
        "",
        " ",
        "0",
        "-1",
        "1",
        "2",
        "3.5",
        "1e400",
        "nan",
        "inf",
        "99999999999999999999",
        "0x10",
        "all",
        "none",
        "auto",
    ),
    *(
        "[/etc/passwd]",
        "[a] or [b]",
        "\x1b[31mred\x1b[0m",
        "two\nlines",
        "é",
        "\u202e",
        "a" * 300,
        "-",
        "--",
        "=",
        "a=",
    ),
    *(
        "auto",
        "a=",
        "=a",
        "a=b=c",
        "q,m2",
        "%s",
        "{}",
        "*",
        "~",
        "\udcff",
        "b\udc80=\udcfe",
        "int8",
        "bf16",
        "span",
        "regression",
    ),
)
PATHS = (
    *("base", "pack.safetensors", "a=pack.safetensors", "rows.csv", "rows.jsonl", "latin.csv", "empty.csv", "torn"),
    *("zeros.parquet", "tasks.toml", "pipe", "folder", "link", "loop", "none/none", ".", "/dev/null", "/proc/self/mem"),
    *("\udcff.csv", "new", "out.safetensors", "root.json", "site", "keys", "store", "[x].jsonl", "base/bitfit.json"),
)
URLS = ("http://127.0.0.1:9/", "https://user:secret@127.0.0.1:9/a?b=c", "file:///etc/passwd", "http://[::1", "//x")
# What a run must have to be short, and which most calls should have so that they get far.
SENSIBLE: dict[str, tuple[str, ...]] = {
    "--base": ("base",),
    "--pack": ("pack.safetensors", "a=pack.safetensors", "b=pack.safetensors"),
    "--text": ("aaa", "some text"),
    "--input": ("rows.csv", "rows.jsonl"),
    "--data": ("rows.csv", "rows.jsonl"),
    "--train": ("rows.csv", "rows.jsonl"),
    "--eval": ("rows.csv", "rows.jsonl"),
    "--many": ("tasks.toml",),
    "--output": ("new", "out.safetensors"),
    "--to": ("onnx-adapter",),
    "--steps": ("1",),
    "--device": ("cpu",),
    "--type": ("classification",),
    "--url": URLS[:1],
    "--store": ("store",),
    "--root": ("root.json",),
    "--repository": ("site",),
    "--keys": ("keys",),
    "--root-keys": ("keys",),
    "--model": ("folder", "no-such-model"),
    "--onnx": ("torn",),
}


def prepare(folder: Path, base: Base) -> None:
    """Lay out what the values of options name."""
    (folder / "base").symlink_to(base.folder.absolute())
    pack = write_pack(random_pack(base), folder / "pack.safetensors")
    rows = [("aaa", "label-0"), ("zzz [b] x", "label-1")] * 4
    (folder / "rows.csv").write_text("text,label\n" + "".join(f"{text},{label}\n" for text, label in rows))
    lines = "".join(f'{{"text": "{text}", "label": "{label}"}}\n' for text, label in rows)
    for name in ("rows.jsonl", "[x].jsonl"):
        (folder / name).write_text(lines)
    (folder / "latin.csv").write_bytes("text,label\né,ü\n".encode("latin-1"))
    (folder / "empty.csv").touch()
    (folder / "torn").write_bytes(pack.read_bytes()[:300])
    (folder / "zeros.parquet").write_bytes(bytes(64))
    task = '[[task]]\nname = "t"\ntrain = "rows.csv"\neval = "rows.csv"\noutput = "many.safetensors"\nsteps = 1\n'
    (folder / "tasks.toml").write_text(task)
    os.mkfifo(folder / "pipe")
    (folder / "folder").mkdir()
    (folder / "link").symlink_to("rows.csv")
    (folder / "loop").symlink_to("loop")
    (folder / "root.json").write_text("{}")
    with contextlib.suppress(OSError):  # some file systems take Unicode alone
        (folder / "\udcff.csv").write_text("text,label\na,b\n")


def command_lines(seed: int) -> Iterator[list[str]]:
    """Draw command lines without end."""
    random, leaves = Random(seed), list(_leaves(typer.main.get_command(assemble()), ()))
    while True:
        path, command = random.choice(leaves)
        yield [*path, *_arguments(command, random)] if random.random() < 0.98 else [random.choice(ODD), *path]


def call(arguments: Sequence[str]) -> tuple[int, str, str]:
    """Run a command line in this process; return its exit code, output and errors."""
    out, err = io.StringIO(), io.StringIO()
    signal.signal(signal.SIGALRM, _too_long)
    signal.alarm(SECONDS)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            run(list(arguments))
    except SystemExit as left:
        return int(left.code or 0), out.getvalue(), err.getvalue()
    finally:
        signal.alarm(0)
    raise AssertionError("the command line returned")


def call_really(arguments: Sequence[str]) -> tuple[int, str, str]:
    """Run a command line as a process of its own."""
    command = [sys.executable, "-m", "bitfit_toolkit", *arguments]
    done = subprocess.run(command, capture_output=True, timeout=SECONDS * 2, stdin=subprocess.DEVNULL)
    return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")


def check(arguments: Sequence[str], code: int, out: str, err: str) -> None:
    """Fail where a promise is broken."""
    case = f"bitfit {shlex.join(arguments)!a} left with {code}: {err[:2000]!r}"
    assert code in DOCUMENTED and code != DEFECT, case
    assert "Traceback" not in err, case
    errors = [line for line in err.splitlines() if line.startswith("error: ")]
    if code:
        assert len(errors) == (0 if code == USAGE and not err else 1), case
        assert errors == err.splitlines()[-1:], case
    assert all(line.isprintable() and len(line) <= LONGEST_LINE for line in errors), case
    assert "\x1b" not in out, case


def _leaves(command: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    inner = getattr(command, "commands", None)
    if inner is None:
        if path not in ENDLESS:
            yield path, command
        return
    for name, one in inner.items():
        yield from _leaves(one, (*path, name))


def _arguments(command: Any, random: Random) -> Iterator[str]:
    odd = random.choice((0.0, 0.1, 0.5))
    for parameter in command.params:
        flag = max(parameter.opts, key=len)
        wanted = parameter.required or flag in ("--steps", "--train", "--eval", "--output", "--text")
        if flag == "--help" or random.random() > (0.95 if wanted else 0.15):
            continue
        for _ in range(random.choice((1, 1, 1, 2))):
            if flag.startswith("--"):
                yield flag
            if not getattr(parameter, "is_flag", False):
                yield _value(flag, odd, random)


def _value(flag: str, odd: float, random: Random) -> str:
    if random.random() >= odd and flag in SENSIBLE:
        return random.choice(SENSIBLE[flag])
    return random.choice(random.choice((ODD, PATHS, URLS)))


def _too_long(*_: object) -> NoReturn:
    raise AssertionError(f"it took more than {SECONDS} seconds")


def main() -> None:
    """Call at length; exit with 1 at the first call that broke a promise."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=100_000, help="calls in this process")
    parser.add_argument("--real", type=int, default=200, help="real commands")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    os.environ |= {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "BITFIT_KEY_PASSPHRASE": "a passphrase"}
    frozen = Path(__file__).parents[2] / "data" / "frozen" / "base-int8"
    for count, how in ((arguments.runs, call), (arguments.real, call_really)):
        began = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            prepare(Path(folder), Base.open(frozen))
            for number, drawn in enumerate(command_lines(arguments.seed)):
                if number == count:
                    break
                check(drawn, *how(drawn))
        print(f"{how.__name__:12} {count:9,} command lines  {time.perf_counter() - began:5.0f} s", flush=True)


if __name__ == "__main__":
    main()
