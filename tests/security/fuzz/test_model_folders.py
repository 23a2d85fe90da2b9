"""A sample of the fuzzing of model folders, and proof that it finds what is planted for it."""

import json
from pathlib import Path
from random import Random

import pytest

from bitfit_exporters import model_config, weight_files
from security.fuzz.model_folders import ModelFolder, ModelFolders

SAMPLE = 40


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> ModelFolder:
    return ModelFolder(tmp_path_factory.mktemp("fuzz"))


def fuzz(folder: ModelFolder, name: str, runs: int) -> None:
    """Alter one file so often."""
    seeds = (seed for seed in range(100_000) if Random(seed).choice(sorted(folder.files)) == name)
    for seed, _ in zip(seeds, range(runs), strict=False):
        folder.fuzz_one(*folder.alter(Random(seed)))


def test_what_was_not_altered_is_accepted(folder: ModelFolder) -> None:
    assert folder.fuzz_one("config.json", folder.files["config.json"])


def test_a_folder_of_every_kind_is_altered(tmp_path: Path) -> None:
    folders = ModelFolders(tmp_path)
    files = [set(folder.files) for folder in folders.folders]
    assert [len(names - files[0]) for names in files] == [0, 3, 1, 0] and "1_Pooling/config.json" in files[0]
    assert {folders.call(seed) for seed in range(25)} == {"accepted", "refused"}


def test_an_altered_folder_is_refused_in_one_line_or_is_a_model(folder: ModelFolder) -> None:
    accepted = sum(folder.fuzz_one(*folder.alter(Random(seed))) for seed in range(SAMPLE))
    assert 0 < accepted < SAMPLE


def test_a_fault_that_is_planted_in_a_reader_is_found(folder: ModelFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch, pytest.raises((ValueError, AttributeError)):
        patch.setattr(model_config, "read_object", lambda path: json.loads(path.read_bytes()))
        fuzz(folder, "config.json", 200)
    with monkeypatch.context() as patch, pytest.raises((ValueError, LookupError, TypeError, AttributeError)):

        def header(path: Path) -> dict[str, tuple[int, ...]]:
            table = json.loads(path.read_bytes()[8 : 8 + int.from_bytes(path.read_bytes()[:8], "little")])
            return {name: tuple(one["shape"]) for name, one in table.items() if name != "__metadata__"}

        patch.setattr(weight_files, "_header", header)
        fuzz(folder, "model.safetensors", 200)
