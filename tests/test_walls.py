"""The walls between packages: which imports which, and what an import brings with it."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = {
    "bitfit_runtime": ROOT / "runtime",
    "bitfit_exporters": ROOT / "exporters",
    "bitfit_toolkit": ROOT / "toolkit",
    "bitfit": ROOT / "toolkit",
}
BLOCKED = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {names!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Absent())
"""
UPDATE = ("tuf", "securesystemslib", "cryptography", "urllib3", "filelock")
HEAVY = ("torch", "transformers", "onnx", "onnx_ir", "sklearn", "scipy", "pyarrow", "typer", "rich")


def run(code: str, names: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    """Run code in a Python in which some packages are not installed."""
    program = BLOCKED.format(names=names) + code
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)


def modules(package: str) -> Iterator[tuple[str, Path]]:
    """Name and file of every module of a package."""
    root = PACKAGES[package]
    for path in sorted((root / package).rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        yield ".".join(part for part in parts if part != "__init__"), path


def imported(path: Path) -> set[str]:
    """Every module that a file imports, wherever in the file."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def inside(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


@pytest.mark.parametrize(
    ("package", "forbidden"),
    [
        ("bitfit_runtime", ("bitfit_exporters", "bitfit_toolkit", "bitfit")),
        ("bitfit_exporters", ("bitfit_toolkit", "bitfit")),
        ("bitfit_toolkit", ("bitfit",)),
    ],
)
def test_dependencies_run_one_way(package: str, forbidden: tuple[str, ...]) -> None:
    names = list(modules(package))
    assert len(names) > 10
    for name, path in names:
        back = {other for other in imported(path) for upper in forbidden if inside(other, upper)}
        assert not back, f"{name} imports {sorted(back)}"


def test_the_core_of_the_runtime_does_not_know_its_updates() -> None:
    for name, path in modules("bitfit_runtime"):
        if not inside(name, "bitfit_runtime.updates"):
            assert not {other for other in imported(path) if inside(other, "bitfit_runtime.updates")}, name


def test_no_modules_of_the_runtime_import_each_other_in_a_circle() -> None:
    names = dict(modules("bitfit_runtime"))
    needs = {name: imported(path) & names.keys() - {name} for name, path in names.items()}
    needs = {name: others - {"bitfit_runtime"} for name, others in needs.items()}  # the door names all, imports none
    while needs:
        free = {name for name, others in needs.items() if not others & needs.keys()}
        assert free, f"these import each other: {sorted(needs)}"
        needs = {name: others for name, others in needs.items() if name not in free}


def test_the_runtime_needs_no_extra_and_imports_none() -> None:
    others = {*UPDATE, *HEAVY, "bitfit_runtime.updates"}
    loaded = f"import bitfit_runtime as b; b.Engine; assert not {others!r} & set(sys.modules)"
    for names in ((), UPDATE + HEAVY):
        done = run(loaded, names)
        assert done.returncode == 0, done.stderr


def test_an_import_of_a_door_imports_nothing_heavy() -> None:
    heavy = ("numpy", "onnxruntime", "tokenizers", *UPDATE, *HEAVY)
    for door in ("bitfit", "bitfit_runtime", "bitfit_runtime.updates"):
        done = run(f"import {door}; assert not set({heavy!r}) & set(sys.modules)", heavy)
        assert done.returncode == 0, done.stderr


def test_publishing_and_updates_need_no_torch() -> None:
    names = ("torch", "transformers", "onnx", "onnx_ir", "sklearn", "scipy")
    for code in ("import bitfit_runtime.updates as u; u.Updater", "import bitfit_toolkit.publish as p; p.Publisher"):
        done = run(code, names)
        assert done.returncode == 0, done.stderr


def test_data_are_read_without_torch() -> None:
    code = "from bitfit import load_examples; load_examples({'text': ['a'], 'label': ['b']}); "
    code += f"load_examples({str(ROOT / 'examples/data/spam/eval.jsonl')!r})"
    done = run(code, ("torch", "transformers", "onnx", "sklearn", "scipy", "pyarrow"))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("code", "missing", "says"),
    [
        ("import bitfit_runtime.updates as u; u.Updater", "tuf", "needs tuf; run: pip install 'bitfit-edge[update]'"),
        ("from bitfit import Updater", "filelock", "needs filelock; run: pip install 'bitfit-edge[update]'"),
        ("from bitfit import export", "torch", "needs torch; run: pip install 'bitfit-edge[export]'"),
        ("from bitfit import train", "torch", "needs torch; run: pip install 'bitfit-edge[train]'"),
        ("from bitfit import Publisher", "tuf", "needs tuf; run: pip install 'bitfit-edge[publish]'"),
        (
            "import pathlib, tempfile; from bitfit import load_examples; "
            "path = pathlib.Path(tempfile.mkdtemp(), 'a.parquet'); path.write_bytes(b'x'); load_examples(path)",
            "pyarrow",
            "needs pyarrow; run: pip install 'bitfit-edge[cli]'",
        ),
    ],
)
def test_a_missing_extra_is_named(code: str, missing: str, says: str) -> None:
    done = run(f"import os; os.chdir({str(ROOT)!r}); {code}", (missing,))
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith(says), done.stderr


def test_the_command_line_starts_without_the_extras_that_only_some_commands_need() -> None:
    names = (*UPDATE, "torch", "transformers", "onnx", "sklearn", "scipy")
    done = run("from bitfit_toolkit.cli.app import run; run(['--help'])", names)
    assert done.returncode == 0, done.stderr


def test_a_pack_is_inspected_without_what_reads_examples_or_runs_models() -> None:
    pack = next((ROOT / "tests" / "data" / "frozen" / "packs-int8").glob("*.safetensors"))
    others = ("onnxruntime", "tokenizers", "pyarrow", "torch", "rich.progress", "bitfit_toolkit.data.reading")
    program = f"import atexit; atexit.register(lambda: print(sorted(set({others!r}) & set(sys.modules))))"
    done = run(f"{program}; from bitfit_toolkit.cli.app import run; run(['inspect', {str(pack)!r}])", ())
    assert done.returncode == 0 and done.stdout.splitlines()[-1] == "[]", done
