"""ONNX Runtime sessions, with exact integer products on every processor."""

import ctypes
import re
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

import onnxruntime as ort

from bitfit_runtime.errors import BaseFormatError, InferenceError, first_line

LOWEST_ONNXRUNTIME: Final = (1, 24, 1)  # as pyproject.toml has it; 1.23 has no QuantizeLinear of opset 23
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
FIRST_EXACT: Final = (1, 30)  # earlier versions abort the process where they turn weights without a zero point
INTEGER_PRODUCT: Final = b"MatMulIntegerToFloat"


def open_session(
    path: Path, threads: int | None = None, options: ort.SessionOptions | None = None
) -> ort.InferenceSession:
    """Open a CPU session. `threads` bounds the threads inside one operator; None is ONNX Runtime's default.

    Where this machine's integer products saturate, slower ones that are exact take their place, whatever `options` say.
    Raises BaseFormatError when ONNX Runtime cannot read the graph, or is too old to compute it exactly here.
    """
    if options is None:
        options = plain_options()
    if threads is not None:
        options.intra_op_num_threads = threads
    if products_saturate():
        _check_exact(path)
    try:
        make_exact(options)
        session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's exceptions share no base class but Exception
        raise BaseFormatError(
            f"onnxruntime {ort.__version__} cannot load {path} ({first_line(error)}); {_remedy()}"
        ) from None
    _trim_memory()
    return session


def make_exact(options: ort.SessionOptions) -> ort.SessionOptions:
    """Take exact integer products where this machine's own saturate, and return the options."""
    if products_saturate():
        options.add_session_config_entry(EXACT_PRODUCTS, "1")
    return options


def plain_options(patterns: bool = True) -> ort.SessionOptions:
    """Return the options of a session for which the caller gave none.

    Without memory `patterns` it holds half as much, and a call of 16 tokens takes 0.1 ms longer.
    """
    options = ort.SessionOptions()
    # Every bias is an initializer that may be overridden; ONNX Runtime warns about each of them.
    options.log_severity_level = ERRORS_ONLY
    options.enable_mem_pattern = patterns
    return options


def run_session(session: ort.InferenceSession, outputs: Sequence[str], feeds: Mapping[str, Any]) -> list[Any]:
    """Run a graph and return the named outputs. Raises InferenceError, and MemoryError where there is not enough."""
    try:
        found: list[Any] = session.run(outputs, feeds)
    except Exception as error:  # onnxruntime's exceptions share no base class but Exception
        reason = first_line(error)
        if re.search(r"bad_alloc|bad allocation|failed to allocate", str(error), re.IGNORECASE):
            raise MemoryError(reason) from None
        raise InferenceError(
            f"onnxruntime {ort.__version__} cannot run the base on these rows ({reason}); export the base again"
        ) from None
    return found


def _check_exact(path: Path) -> None:
    """Raise BaseFormatError where this version of ONNX Runtime would abort over exact products of the graph."""
    if _version() < FIRST_EXACT and path.is_file() and INTEGER_PRODUCT in path.read_bytes():
        needed = ".".join(map(str, FIRST_EXACT))
        raise BaseFormatError(
            f"{path} holds integer products, for which this processor (x86 without VNNI) needs onnxruntime {needed} or "
            f"later, found {ort.__version__}; run: pip install 'onnxruntime>={needed}', or use an fp32 base"
        )


def _version() -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", ort.__version__)[:3])


def _remedy() -> str:
    """Say what to do where a graph cannot be loaded: a version that is too old has no kernels for quantized bases."""
    if _version() >= LOWEST_ONNXRUNTIME:
        return "export again"
    needed = ".".join(map(str, LOWEST_ONNXRUNTIME))
    return f"onnxruntime {needed} or later is needed; run: pip install 'onnxruntime>={needed}'"


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
