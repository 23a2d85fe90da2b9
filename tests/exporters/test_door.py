"""What `import bitfit_exporters` gives, with the extra `export` and without it."""

import subprocess
import sys

import pytest

WITHOUT_TORCH = "import sys; sys.modules['torch'] = None\n"


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_every_public_name_is_listed_and_stays_what_it_is_after_its_module_was_imported() -> None:
    done = run(
        "import bitfit_exporters as b\n"
        "assert {*b.__all__} <= {*dir(b)}\n"
        "for _ in range(2): assert all(callable(getattr(b, name)) for name in b.__all__)\n"
        "import bitfit; assert bitfit.export is b.export"
    )
    assert done.returncode == 0, done.stderr


def test_options_and_errors_need_no_extra() -> None:
    done = run(WITHOUT_TORCH + "from bitfit_exporters import ExportError, ExportOptions; ExportOptions().check()")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["export", "export_onnx", "read_parameters"])
def test_without_the_extra_the_error_says_what_to_install(name: str) -> None:
    done = run(WITHOUT_TORCH + f"from bitfit_exporters import {name}")
    assert done.stderr.splitlines()[-1].endswith(
        f"bitfit_exporters.{name} needs torch; run: pip install 'bitfit-edge[export]'"
    )
