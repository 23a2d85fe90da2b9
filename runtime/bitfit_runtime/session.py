"""Opening an ONNX Runtime session on a graph."""

from pathlib import Path

import onnxruntime as ort

from bitfit_runtime.errors import BundleFormatError

ERRORS_ONLY = 3


def open_session(
    path: Path, threads: int | None = None, options: ort.SessionOptions | None = None
) -> ort.InferenceSession:
    """Open a CPU session. `threads` bounds the threads inside one operator; None leaves ONNX Runtime's default.

    Raises BundleFormatError when ONNX Runtime cannot read the graph.
    """
    if options is None:
        options = ort.SessionOptions()
        # Every bias is an initializer that may be overridden; ONNX Runtime warns about each of them.
        options.log_severity_level = ERRORS_ONLY
    if threads is not None:
        options.intra_op_num_threads = threads
    try:
        return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's exceptions share no base class but Exception
        reason = str(error).splitlines()[0]
        raise BundleFormatError(f"onnxruntime {ort.__version__} cannot load {path} ({reason}); export again") from None
