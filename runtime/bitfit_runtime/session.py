"""Opening an ONNX Runtime session on a graph."""

import ctypes
import sys
from pathlib import Path

import onnxruntime as ort

from bitfit_runtime.errors import BundleFormatError
from bitfit_runtime.saturation import products_saturate

ERRORS_ONLY = 3
# Turns int8 weights to uint8, whose products are exact on any x86. With VNNI they are exact as they are, and this would
# double their time.
EXACT_PRODUCTS = "session.x64quantprecision"


def open_session(
    path: Path, threads: int | None = None, options: ort.SessionOptions | None = None
) -> ort.InferenceSession:
    """Open a CPU session. `threads` bounds the threads inside one operator; None leaves ONNX Runtime's default.

    Where this machine's integer products saturate, slower ones that are exact take their place, whatever `options` say.
    Raises BundleFormatError when ONNX Runtime cannot read the graph.
    """
    if options is None:
        options = ort.SessionOptions()
        # Every bias is an initializer that may be overridden; ONNX Runtime warns about each of them.
        options.log_severity_level = ERRORS_ONLY
    if threads is not None:
        options.intra_op_num_threads = threads
    try:
        if products_saturate():
            options.add_session_config_entry(EXACT_PRODUCTS, "1")
        session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's exceptions share no base class but Exception
        reason = str(error).splitlines()[0]
        raise BundleFormatError(f"onnxruntime {ort.__version__} cannot load {path} ({reason}); export again") from None
    _give_memory_back()
    return session


def _give_memory_back() -> None:
    """Return what loading freed: glibc keeps it, two thirds of an int4 base's process, but little of an int8 one's."""
    if sys.platform == "linux" and (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)) is not None:
        trim(0)
