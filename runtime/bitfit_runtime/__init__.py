"""Run any number of small language tasks on one frozen encoder.

    from bitfit_runtime import Engine

    engine = Engine("base")
    engine.install("sentiment", "sentiment.safetensors")
    engine.predict("What a lovely day", task="sentiment").label

Names are imported when they are first used: numpy, onnxruntime, tokenizers and safetensors for the engine, never torch,
transformers or onnx.
"""

from typing import TYPE_CHECKING

from bitfit_runtime.lazy import lazy_exports

if TYPE_CHECKING:
    from bitfit_runtime.engine import Engine
    from bitfit_runtime.errors import BitfitError
    from bitfit_runtime.formats.base import Base
    from bitfit_runtime.formats.pack import Pack, PackInfo
    from bitfit_runtime.formats.pack_file import read_pack, write_pack
    from bitfit_runtime.inputs import Row
    from bitfit_runtime.tasks import Answer, Embedding, Entities, Entity, LabelSet, Prediction, Score, Span

__version__ = "0.1.0"
__all__ = [
    "Answer",
    "Base",
    "BitfitError",
    "Embedding",
    "Engine",
    "Entities",
    "Entity",
    "LabelSet",
    "Pack",
    "PackInfo",
    "Prediction",
    "Row",
    "Score",
    "Span",
    "__version__",
    "read_pack",
    "write_pack",
]

_TASKS = ("Answer", "Embedding", "Entities", "Entity", "LabelSet", "Prediction", "Score", "Span")
_MODULES = {
    "Base": "bitfit_runtime.formats.base",
    "BitfitError": "bitfit_runtime.errors",
    "Engine": "bitfit_runtime.engine",
    "Pack": "bitfit_runtime.formats.pack",
    "PackInfo": "bitfit_runtime.formats.pack",
    "Row": "bitfit_runtime.inputs",
    "read_pack": "bitfit_runtime.formats.pack_file",
    "write_pack": "bitfit_runtime.formats.pack_file",
    **dict.fromkeys(_TASKS, "bitfit_runtime.tasks"),
}
__getattr__, __dir__ = lazy_exports(__name__, _MODULES)
