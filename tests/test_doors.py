"""What each door exports, and that a name found there is the one that lives behind it."""

import importlib
import subprocess
import sys
from types import ModuleType

import pytest

DOORS = {
    "bitfit": (
        "Answer Base BaseError BitFitClassifier BitFitRegressor BitfitError Columns DataError Embedding Engine "
        "Entities Entity Example ExportError ExportOptions InputError KeyRing LabelSet MissingExtraError Pack "
        "PackError PackInfo Pipeline Prediction PublishError Publisher Row Score SentenceEncoder Span "
        "ToolkitError TrainOptions TrainReport TrainingError UnknownTaskError UpdateError Updater Watcher "
        "__version__ evaluate export load_examples read_pack train write_pack"
    ),
    "bitfit_runtime": (
        "Answer Base BitfitError Embedding Engine Entities Entity LabelSet Pack PackInfo Prediction Row Score "
        "Span __version__ read_pack write_pack"
    ),
    "bitfit_toolkit": (
        "Columns Example ToolkitError TrainOptions TrainReport evaluate load_examples read_run_configs train "
        "train_shared"
    ),
}


@pytest.mark.parametrize("door", DOORS)
def test_a_door_exports_these_names_and_no_others(door: str) -> None:
    module = importlib.import_module(door)
    assert " ".join(module.__all__) == DOORS[door]
    assert {*module.__all__} <= {*dir(module)}
    for name in [*module.__all__, *module.__all__]:  # twice, for an import may put a module in a name's place
        assert not isinstance(getattr(module, name), ModuleType), name
    with pytest.raises(AttributeError, match="has no attribute 'Motor'"):
        module.Motor  # noqa: B018


def test_the_front_door_gives_what_lives_behind_it() -> None:
    import bitfit
    import bitfit_exporters
    import bitfit_runtime
    import bitfit_toolkit

    for name in bitfit.__all__:
        behind = [m for m in (bitfit_runtime, bitfit_exporters, bitfit_toolkit) if name in m.__all__]
        assert all(getattr(m, name) is getattr(bitfit, name) for m in behind)


def test_a_star_import_brings_every_name() -> None:
    code = "from bitfit import *; Engine, Row, export, train, load_examples, Updater, Publisher"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
