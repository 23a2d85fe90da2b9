"""Fuzzer of command lines: each option with a value that it takes, or an odd one; `long_run.py` runs it at length.

A call must leave with a documented exit code, and with no more than one printable line of error; it may not block.
"""

import contextlib
import io
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, NoReturn

import typer

from bitfit_runtime import Base, write_pack
from bitfit_toolkit.cli.app import assemble, run
from bitfit_toolkit.cli.failures import DEFECT, EXIT_CODES, USAGE
from support.packs import random_pack

FROZEN = Path(__file__).parents[2] / "data" / "frozen" / "base-int8"
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
    "--to": ("onnx-adapter", "onnx"),
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
    random = Random(seed)
    while True:
        yield draw(random)


def draw(random: Random) -> list[str]:
    """Draw one command line."""
    path, command = random.choice(_commands())
    return [*path, *_arguments(command, random)] if random.random() < 0.98 else [random.choice(ODD), *path]


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


@cache
def _commands() -> list[tuple[tuple[str, ...], Any]]:
    return list(_leaves(typer.main.get_command(assemble()), ()))


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


class CommandLines:
    """Command lines in a folder that has what their options name."""

    def __init__(self, folder: Path) -> None:
        prepare(folder, Base.open(FROZEN))

    def call(self, seed: int) -> str:
        """Call the command line of a seed. Raises AssertionError."""
        return self._check(seed, call)

    def command(self, seed: int) -> str:
        """Run it as a process of its own. Raises AssertionError."""
        return self._check(seed, call_really)

    def _check(self, seed: int, how: Callable[[Sequence[str]], tuple[int, str, str]]) -> str:
        drawn = draw(Random(seed))
        code, out, err = how(drawn)
        check(drawn, code, out, err)
        return f"exit code {code}"


open_fuzzer = CommandLines
