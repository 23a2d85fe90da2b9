"""Documents of the repository, and what in them can be checked against the code.

PYTHONPATH=tests python -m support.documents      writes the table of training options into docs/training.md
"""

import ast
import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import typer

from bitfit_toolkit.cli.app import assemble
from bitfit_toolkit.training.option_spec import Sharing, option_specs
from bitfit_toolkit.training.options import TrainOptions

ROOT = Path(__file__).parents[2]
PACKAGES = ("runtime", "exporters", "toolkit")
NOT_OURS = {"__pycache__", "node_modules"}
TOPS = ("docs", *PACKAGES, "tests", "benchmarks", "examples")
DOCUMENTS = tuple(
    sorted(
        path
        for pattern in ("*.md", "docs/**/*.md", "benchmarks/README.md", "examples/**/*.md", "tests/data/*.md")
        for path in ROOT.glob(pattern)
        if not NOT_OURS.intersection(path.parts)
    )
)
OPTIONS_BEGIN, OPTIONS_END = re.compile(r"<!-- options: .*-->\n"), "<!-- end of options -->"
FENCE = re.compile(r"^```(?s:.*?)^```$|^(?: {4}.*\n)+", re.MULTILINE)


def links(text: str) -> list[tuple[str, str]]:
    """Return (path, anchor) of every link that stays in the repository; the path of an anchor alone is empty."""
    found = re.findall(r"\]\(([^)#\s]*)#?([^)\s]*)\)", FENCE.sub("", text))
    return [(path, anchor) for path, anchor in found if ":" not in path]


def anchors(text: str) -> set[str]:
    """Return the anchors that GitHub gives a document's headings."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", text), re.MULTILINE)
    plain = (re.sub(r"\[(.*?)\]\(.*?\)", r"\1", heading).lower() for heading in headings)
    return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in plain}


def code_spans(text: str) -> list[str]:
    """Return what stands in backquotes, outside blocks of code."""
    return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", FENCE.sub("", text))]


def paths(text: str) -> set[str]:
    """Return what looks like one of our paths in code: a Python file, or what begins with one of our folders.

    Words in capitals stand for any name.
    """
    words = {word for code in (*code_spans(text), *FENCE.findall(text)) for word in code.strip("`").split()}
    plain = [word.rstrip("/") for word in words if re.fullmatch(r"[\w./-]+", word) and not re.search("[A-Z]{4}", word)]
    return {path for path in plain if path.endswith(".py") or (path.partition("/")[0] in TOPS and "/" in path)}


def commands(text: str) -> Iterator[tuple[str, bool]]:
    """Yield each command line of `bitfit`, and whether it should be complete: one in a block of code is.

    Lines that are abbreviated with … or with | between alternatives are left out.
    """
    for block in FENCE.findall(text):
        for line in block.replace("\\\n", " ").splitlines():
            command = re.sub(r"^\s*(\$ )?", "", line)
            if re.match(r"bitfit(-export)? ", command) and "…" not in command:
                yield command, True
    for span in code_spans(text):
        if re.match(r"bitfit(-export)? ", span) and "…" not in span and " | " not in span and "COMMAND" not in span:
            yield span, False


def parse(command: str, complete: bool) -> None:
    """Parse a command line without running it. Raises what the command line raises on wrong usage.

    One that is not complete may lack what is required, or an option's value.
    """
    arguments = [word for word in shlex.split(command, comments=True) if word != "&"][1:]
    found: Any = typer.main.get_command(assemble())
    name = "bitfit"
    if command.startswith("bitfit-export"):
        arguments.insert(0, "export")
    while hasattr(found, "commands") and arguments and not arguments[0].startswith("-"):
        name = arguments.pop(0)
        if name not in found.commands:
            raise ValueError(f"no command {name!r}; there are {', '.join(found.commands)}")
        found = found.commands[name]
    if hasattr(found, "commands"):
        if arguments not in ([], ["--help"]):
            raise ValueError(f"{name} has no option {arguments[0]}")
        return
    try:
        found.make_context(name, arguments)
    except Exception as error:  # whose class typer does not export
        allowed = ("Exit",) if complete else ("Exit", "MissingParameter", "BadOptionUsage")  # Exit: --help was shown
        if type(error).__name__ not in allowed:
            raise


def leaf_commands() -> list[str]:
    """Return every command that does something, such as `publish add`, but hidden ones."""
    found: Any = typer.main.get_command(assemble())
    names = []
    for name, command in found.commands.items():
        inner = getattr(command, "commands", None)
        if not command.hidden:
            names += [name] if inner is None else [f"{name} {one}" for one in inner if not inner[one].hidden]
    return names


def environment_variables() -> set[str]:
    """Return the variables that the command line reads."""
    sources = (path.read_text(encoding="utf-8") for path in (ROOT / "toolkit").rglob("*.py"))
    return {name for source in sources for name in re.findall(r"\bBITFIT_[A-Z_]+\b", source)}


@cache
def classes() -> dict[str, set[str]]:
    """Return the names that the body of each of our classes, and of its own bases, defines."""
    own: dict[str, set[str]] = {}
    bases: dict[str, list[str]] = {}
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ClassDef):
                    own.setdefault(node.name, set()).update(_defined(node))
                    bases[node.name] = [base.id for base in node.bases if isinstance(base, ast.Name)]
    return {name: own[name].union(*(own.get(base, set()) for base in bases[name])) for name in own}


def _defined(node: ast.ClassDef) -> Iterator[str]:
    for part in node.body:
        if isinstance(part, ast.FunctionDef):
            yield part.name
        elif isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name):
            yield part.target.id
        elif isinstance(part, ast.Assign):
            yield from (target.id for target in part.targets if isinstance(target, ast.Name))


@cache
def files() -> tuple[str, ...]:
    """Return the repository's own files and folders, relative and with slashes."""
    below = (path for top in TOPS for path in (ROOT / top).rglob("*") if not NOT_OURS.intersection(path.parts))
    return (*TOPS, *(path.relative_to(ROOT).as_posix() for path in below))


def options_table() -> str:
    """Return the options of a training run as a table."""
    lines = ["| option | in `TrainOptions` | default | in `--many` | meaning |", "|---|---|---|---|---|"]
    for option in option_specs(TrainOptions).values():
        if not option.hidden:
            default = "–" if option.default is None or option.default is False else option.default
            key = f"`{option.key}`{', a list too' if option.listed else ''}"
            shared = {Sharing.EACH: key, Sharing.COMMON: "one for all runs", Sharing.NONE: "–"}[option.sharing]
            lines.append(f"| `{option.flag}` | `{option.name}` | {default} | {shared} | {option.help} |")
    return "\n".join(lines) + "\n"


def with_options_table(text: str) -> str:
    """Return docs/training.md with the table as it should be."""
    begin = OPTIONS_BEGIN.search(text)
    assert begin is not None
    return text[: begin.end()] + "\n" + options_table() + "\n" + text[text.index(OPTIONS_END) :]


if __name__ == "__main__":
    document = ROOT / "docs" / "training.md"
    document.write_text(with_options_table(document.read_text(encoding="utf-8")), encoding="utf-8")
