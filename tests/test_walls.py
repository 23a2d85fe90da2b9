"""What an import brings with it."""

import subprocess
import sys

BLOCKED = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {names!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Absent())
"""
EXTRA = ("tuf", "securesystemslib", "cryptography", "urllib3", "filelock")
HEAVY = ("torch", "transformers", "onnx")


def run(code: str, names: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    """Run code in a Python in which some packages are not installed."""
    program = BLOCKED.format(names=names) + code
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)


def test_the_runtime_needs_neither_the_extra_nor_torch_and_imports_nothing_of_them() -> None:
    code = f"import bitfit_runtime; assert not {{*{EXTRA + HEAVY!r}, 'bitfit_runtime.updates'}} & set(sys.modules)"
    for names in ((), EXTRA + HEAVY):
        done = run(code, names)
        assert done.returncode == 0, done.stderr


def test_every_public_name_is_listed_and_found_when_it_is_first_used() -> None:
    listed = "import bitfit_runtime as b; assert {*b.__all__} <= {*dir(b)}; [getattr(b, name) for name in b.__all__]"
    for code in (listed, "from bitfit_runtime import *; Engine", "from bitfit_runtime import engine; engine.Engine"):
        done = run(code, ())
        assert done.returncode == 0, done.stderr


def test_updates_without_their_extra_say_which_one_to_install() -> None:
    for name in ("tuf", "filelock"):
        done = run("import bitfit_runtime.updates", (name,))
        assert done.stderr.splitlines()[-1].endswith(f"needs {name}; run: pip install 'bitfit-edge[update]'")


def test_the_command_line_starts_without_the_extras_that_only_some_commands_need() -> None:
    done = run("from bitfit_toolkit.cli.app import run; run(['--help'])", EXTRA + HEAVY)
    assert done.returncode == 0, done.stderr


def test_updates_need_no_torch() -> None:
    done = run("import bitfit_runtime.updates", HEAVY)
    assert done.returncode == 0, done.stderr
