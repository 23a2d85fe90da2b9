"""Run any number of small language tasks on one frozen encoder.

    from bitfit_runtime import Engine

    engine = Engine("base")
    engine.install("sentiment", "sentiment.safetensors")
    engine.predict("What a lovely day", task="sentiment").label

Names are imported when they are first used: numpy, onnxruntime, tokenizers and safetensors for the engine, never torch,
transformers or onnx.
"""

import importlib
from typing import TYPE_CHECKING

from bitfit_runtime.version import __version__

if TYPE_CHECKING:
    from bitfit_runtime.base import Base
    from bitfit_runtime.engine import Engine
    from bitfit_runtime.errors import BitfitError
    from bitfit_runtime.pack import Pack, PackInfo
    from bitfit_runtime.pack_file import read_pack
    from bitfit_runtime.pack_writer import write_pack
    from bitfit_runtime.prediction import Prediction
    from bitfit_runtime.rows import Row

__all__ = [
    "Base",
    "BitfitError",
    "Engine",
    "Pack",
    "PackInfo",
    "Prediction",
    "Row",
    "__version__",
    "read_pack",
    "write_pack",
]

_MODULES = {
    "Base": "base",
    "BitfitError": "errors",
    "Engine": "engine",
    "Pack": "pack",
    "PackInfo": "pack",
    "Prediction": "prediction",
    "Row": "rows",
    "read_pack": "pack_file",
    "write_pack": "pack_writer",
}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
