"""bitfit-edge in one place: export a base, train packs, answer texts, ship updates.

    from bitfit import Engine, export, train

    export("minilm", "base")
    train("base", "train.csv", "eval.csv", "mood.safetensors")

    engine = Engine("base")
    engine.install("mood", "mood.safetensors")
    engine.predict("What a lovely day", task="mood").label

Names are imported when they are first used, so that each needs its own extra alone: none for `Engine` and what it takes
and gives, `export` for `export`, `train` for `train`, `update` for `Updater`, `publish` for `Publisher`. The packages
`bitfit_runtime`, `bitfit_exporters` and `bitfit_toolkit` have more.
"""

from typing import TYPE_CHECKING

from bitfit_runtime import __version__
from bitfit_runtime.lazy import lazy_exports

if TYPE_CHECKING:
    from bitfit_exporters import ExportError, ExportOptions, export
    from bitfit_runtime import (
        Answer,
        Base,
        BitfitError,
        Embedding,
        Engine,
        Entities,
        Entity,
        LabelSet,
        Pack,
        PackInfo,
        Prediction,
        Row,
        Score,
        Span,
        read_pack,
        write_pack,
    )
    from bitfit_runtime.errors import BaseError, InputError, MissingExtraError, PackError, UnknownTaskError, UpdateError
    from bitfit_runtime.updates import Updater, Watcher
    from bitfit_toolkit import Columns, Example, TrainOptions, TrainReport, evaluate, load_examples, train
    from bitfit_toolkit.errors import DataError, PublishError, ToolkitError, TrainingError
    from bitfit_toolkit.faces import BitFitClassifier, BitFitRegressor, Pipeline, SentenceEncoder
    from bitfit_toolkit.publish import KeyRing, Publisher

_MODULES = {
    name: module
    for module, names in {
        "bitfit_exporters": ("ExportError", "ExportOptions", "export"),
        "bitfit_runtime": (
            *("Answer", "Base", "BitfitError", "Embedding", "Engine", "Entities", "Entity", "LabelSet", "Pack"),
            *("PackInfo", "Prediction", "Row", "Score", "Span", "read_pack", "write_pack"),
        ),
        "bitfit_runtime.errors": (
            *("BaseError", "InputError", "MissingExtraError", "PackError", "UnknownTaskError", "UpdateError"),
        ),
        "bitfit_runtime.updates": ("Updater", "Watcher"),
        "bitfit_toolkit": (
            *("Columns", "Example", "TrainOptions", "TrainReport", "evaluate", "load_examples", "train"),
        ),
        "bitfit_toolkit.errors": ("DataError", "PublishError", "ToolkitError", "TrainingError"),
        "bitfit_toolkit.faces": ("BitFitClassifier", "BitFitRegressor", "Pipeline", "SentenceEncoder"),
        "bitfit_toolkit.publish": ("KeyRing", "Publisher"),
    }.items()
    for name in names
}
__all__ = [
    "Answer",
    "Base",
    "BaseError",
    "BitFitClassifier",
    "BitFitRegressor",
    "BitfitError",
    "Columns",
    "DataError",
    "Embedding",
    "Engine",
    "Entities",
    "Entity",
    "Example",
    "ExportError",
    "ExportOptions",
    "InputError",
    "KeyRing",
    "LabelSet",
    "MissingExtraError",
    "Pack",
    "PackError",
    "PackInfo",
    "Pipeline",
    "Prediction",
    "PublishError",
    "Publisher",
    "Row",
    "Score",
    "SentenceEncoder",
    "Span",
    "ToolkitError",
    "TrainOptions",
    "TrainReport",
    "TrainingError",
    "UnknownTaskError",
    "UpdateError",
    "Updater",
    "Watcher",
    "__version__",
    "evaluate",
    "export",
    "load_examples",
    "read_pack",
    "train",
    "write_pack",
]
__getattr__, __dir__ = lazy_exports(__name__, _MODULES)
