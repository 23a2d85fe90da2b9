"""ONNX Runtime sessions, with exact integer products on every processor."""

import ctypes
import sys
from functools import cache
from pathlib import Path
from typing import Final

import onnxruntime as ort

from bitfit_runtime.errors import BaseFormatError, first_line

ERRORS_ONLY = 3
# An ONNX graph: y = MatMulInteger(a, b) with a = uint8 [[255, 255]] and b = int8 [[127], [127]]. Only ONNX Runtime
# knows which kernels it takes on this processor, and it has no means to build graphs; so here is one as bytes.
PROBE: Final = (
    b'\x08\x08:T\n\x18\n\x01a\n\x01b\x12\x01y"\rMatMulInteger\x12\x05probe'
    b"*\r\x08\x01\x08\x02\x10\x02B\x01aJ\x02\xff\xff*\r\x08\x02\x08\x01\x10\x03B\x01bJ\x02\x7f\x7f"
    b"b\x13\n\x01y\x12\x0e\n\x0c\x08\x06\x12\x08\n\x02\x08\x01\n\x02\x08\x01B\x04\n\x00\x10\r"
)
EXACT: Final = 2 * 255 * 127  # an int16 ends at 32,767
# Turns int8 weights to uint8, whose products are exact on any x86. With VNNI they are exact as they are, and this would
# double their time.
EXACT_PRODUCTS = "session.x64quantprecision"


def open_session(
    path: Path, threads: int | None = None, options: ort.SessionOptions | None = None
) -> ort.InferenceSession:
    """Open a CPU session. `threads` bounds the threads inside one operator; None is ONNX Runtime's default.

    Where this machine's integer products saturate, slower ones that are exact take their place, whatever `options` say.
    Raises BaseFormatError when ONNX Runtime cannot read the graph.
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
        raise BaseFormatError(
            f"onnxruntime {ort.__version__} cannot load {path} ({first_line(error)}); export again"
        ) from None
    _trim_memory()
    return session


def _trim_memory() -> None:
    """Return to the system what loading freed, which glibc keeps: two thirds of the process for an int4 base."""
    if sys.platform == "linux" and (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)) is not None:
        trim(0)


@cache
def products_saturate() -> bool:
    """Multiply the largest magnitudes with this machine's kernels: some tenths of a millisecond, once a process.

    x86 without VNNI adds products of uint8 and int8 by pairs in int16, which saturates.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    found = ort.InferenceSession(PROBE, options, providers=["CPUExecutionProvider"]).run(None, {})[0]
    return bool(found.item() != EXACT)
