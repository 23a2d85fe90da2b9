"""The notebook of `examples/` runs from its first cell to its last, on a tiny base in place of the demo's.

Its cells are plain Python, so that a namespace is kernel enough: no Jupyter is needed to test them.
"""

import json
from pathlib import Path

import pytest

from bitfit_runtime import Base, write_pack
from support.packs import random_pack

ROOT = Path(__file__).parents[1]
NOTEBOOK = ROOT / "examples" / "ecosystem.ipynb"


def test_the_notebook_runs(base: Base, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "base").symlink_to(base.folder)
    write_pack(random_pack(base), tmp_path / "sentiment.safetensors")
    monkeypatch.setenv("BITFIT_DEMO", str(tmp_path))
    monkeypatch.setenv("BITFIT_DATA", str(ROOT / "examples" / "data"))
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    namespace: dict[str, object] = {"__name__": "notebook"}
    for number, source in enumerate(code):
        exec(compile(source, f"{NOTEBOOK.name}, code cell {number}", "exec"), namespace)
    assert len(code) == 7


def test_the_notebook_holds_no_outputs() -> None:
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells)
