"""The lowest versions that are declared are those that `make test-lowest` tries, and the pinned ones are no lower."""

import re
import tomllib
from pathlib import Path

import pytest

from bitfit_runtime import session
from bitfit_runtime.errors import BaseFormatError

ROOT = Path(__file__).parents[1]
TRIED = ("cli", "update")  # extras, besides what a plain install needs


def parts(version: str) -> tuple[int, ...]:
    numbers = tuple(map(int, re.findall(r"\d+", version)))
    return numbers + (0,) * (4 - len(numbers))


def declared(*extras: str) -> dict[str, str]:
    """Lowest version by package, of what a plain install needs and of the extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needs = [*project["dependencies"], *(need for extra in extras for need in project["optional-dependencies"][extra])]
    found = (re.match(r"([\w-]+)(?:\[\w+\])?>=([\d.]+)", need) for need in needs)
    return {match[1].replace("_", "-").lower(): match[2] for match in found if match}


def pinned(name: str) -> dict[str, str]:
    lines = (ROOT / name).read_text().splitlines()
    pairs = (line.split("==") for line in lines if "==" in line and not line.startswith("#"))
    return {package.replace("_", "-").lower(): version for package, version in pairs}


def test_the_lowest_declared_versions_are_those_that_are_tried() -> None:
    lowest, tried = declared(*TRIED), pinned("constraints-lowest.txt")
    assert lowest.keys() == tried.keys()
    assert {name: parts(version) for name, version in lowest.items()} == {
        name: parts(version) for name, version in tried.items()
    }


def test_no_pinned_version_is_below_the_lowest() -> None:
    newest = pinned("constraints.txt")
    for name, lowest in declared("cli", "update", "export", "train", "compare", "tensorboard").items():
        if name in newest:
            assert parts(newest[name]) >= parts(lowest), name


def test_the_message_about_an_onnxruntime_that_is_too_old_names_the_lowest_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "model.onnx").write_bytes(b"no graph")
    lowest = declared()["onnxruntime"]
    assert parts(lowest) == parts(".".join(map(str, session.LOWEST_ONNXRUNTIME)))
    for found, says in (("1.23.2", f"onnxruntime {lowest} or later is needed"), (lowest, "export again")):
        monkeypatch.setattr(session.ort, "__version__", found)
        with pytest.raises(BaseFormatError, match=says):
            session.open_session(tmp_path / "model.onnx")
