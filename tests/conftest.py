"""What all tests share: a tiny checkpoint, a base exported from it, and an engine."""

import gc
import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

from pathlib import Path

import pytest
from hypothesis import settings

from bitfit_exporters import ExportOptions, export
from bitfit_runtime import Base, Engine
from support.checkpoints import make_checkpoint

pytest_plugins = ("support.device", "support.simulated", "support.victim")

# No test is timed: the machines are shared. CI draws the same examples each time; elsewhere new ones are tried.
settings.register_profile("untimed", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("untimed")


def pytest_collection_finish() -> None:
    """Keep the garbage collector from visiting every import again: the Trainer calls it after each run."""
    gc.freeze()


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_checkpoint("bert", tmp_path_factory.mktemp("checkpoint") / "tiny-bert")


@pytest.fixture(scope="session")
def base(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Base:
    folder = tmp_path_factory.mktemp("base") / "base"
    export(str(checkpoint), folder, ExportOptions(offline=True))
    return Base.open(folder)


@pytest.fixture
def engine(base: Base) -> Engine:
    return Engine(base, threads=1)
