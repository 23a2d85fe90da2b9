"""ONNX Runtime sessions as all arms open them. Imports ONNX Runtime and nothing else: measured processes use it."""

from pathlib import Path

import onnxruntime as ort

CPU = ["CPUExecutionProvider"]
ERRORS_ONLY = 3


def session_options(threads: int) -> ort.SessionOptions:
    """Return options for sessions of so many threads that run in turns with others."""
    options = ort.SessionOptions()
    options.log_severity_level = ERRORS_ONLY
    options.intra_op_num_threads = threads
    # Else the threads of the arm before would still spin, on the cores of the arm that is timed.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    return options


def open_session(path: Path | str, threads: int) -> ort.InferenceSession:
    """Open a graph on the processor."""
    return ort.InferenceSession(str(path), session_options(threads), providers=CPU)


def open_profiled_session(path: Path | str, threads: int, prefix: Path) -> ort.InferenceSession:
    """Open a graph under ONNX Runtime's profiler, whose trace's name begins with `prefix`."""
    options = session_options(threads)
    options.enable_profiling = True
    options.profile_file_prefix = str(prefix)
    return ort.InferenceSession(str(path), options, providers=CPU)


def activate_adapter(path: Path | str) -> tuple[ort.RunOptions, ort.LoraAdapter]:
    """Return options of runs with a LoRA adapter, and the adapter, which the options do not keep alive."""
    adapter, options = ort.LoraAdapter(), ort.RunOptions()
    adapter.Load(str(path))
    options.add_active_adapter(adapter)
    return options, adapter
