"""Run any number of small language tasks on one frozen encoder.

    from bitfit_runtime import Engine

    engine = Engine("base")
    engine.install("sentiment", "sentiment.safetensors")
    engine.predict("What a lovely day", task="sentiment").label

Importing this package imports numpy, onnxruntime, tokenizers and safetensors, never torch, transformers or onnx.
"""

from bitfit_runtime.base import Base
from bitfit_runtime.engine import Engine
from bitfit_runtime.errors import BitfitError
from bitfit_runtime.pack import Pack, PackInfo
from bitfit_runtime.pack_file import read_pack, write_pack
from bitfit_runtime.prediction import Prediction
from bitfit_runtime.rows import Row
from bitfit_runtime.version import __version__

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
