"""The export from end to end: load, capture, pass by pass, write, verify."""

import time
from collections.abc import Callable
from pathlib import Path

from bitfit_exporters.base_card import base_card
from bitfit_exporters.base_files import graph_bytes, write_files, write_manifest
from bitfit_exporters.branching import branch_layers
from bitfit_exporters.calibration import measure_ranges
from bitfit_exporters.calibration_texts import CALIBRATION_TEXTS
from bitfit_exporters.capture import capture
from bitfit_exporters.checkpoint import Checkpoint, load_checkpoint
from bitfit_exporters.manifest import default_biases, make_manifest
from bitfit_exporters.onnx_import import load_onnx
from bitfit_exporters.options import ExportOptions
from bitfit_exporters.parity import check_float_graph, check_runs
from bitfit_exporters.passes import StaticScale, final_passes, float_passes, quantization_passes, run_passes
from bitfit_exporters.passes.smoothing import static_scales
from bitfit_exporters.report import ExportReport
from bitfit_exporters.self_test import measure_self_test
from bitfit_exporters.staging import staged
from bitfit_exporters.verify import verify
from bitfit_runtime import Base, Engine
from bitfit_runtime.arguments import as_path, instance
from bitfit_runtime.formats.schema import CARD_FILE, MODEL_FILE
from bitfit_runtime.session import open_session

Progress = Callable[[str], None]
DEFAULTS = ExportOptions()


def export(
    model: str | Path,
    output: str | Path,
    options: ExportOptions = DEFAULTS,
    progress: Progress = lambda step: None,
) -> ExportReport:
    """Export `model` (a short name, hub name or folder) as a base to the folder `output`, and verify it.

    `progress` receives each step's name as it begins. A base that is at `output` already is replaced only when the new
    one has passed every check. Raises ExportError or one of its subclasses.
    """
    return _export(lambda: load_checkpoint(str(as_path(model, "model")), options), output, options, progress)


def export_onnx(
    path: str | Path,
    output: str | Path,
    options: ExportOptions = DEFAULTS,
    progress: Progress = lambda step: None,
) -> ExportReport:
    """As `export`, from an ONNX model that another exporter (optimum, torch) wrote of an encoder.

    `path` is the file, or the folder that holds it with config.json and tokenizer.json. Nothing is downloaded.
    """
    return _export(lambda: load_onnx(as_path(path, "path"), options), output, options, progress)


def _export(
    load: Callable[[], Checkpoint], output: str | Path, options: ExportOptions, progress: Progress
) -> ExportReport:
    began = time.perf_counter()
    instance(options, "options", ExportOptions, "an ExportOptions")
    output = as_path(output, "output")
    options.check()
    progress("load the model")
    checkpoint = load()
    check_runs(checkpoint)
    branches = branch_layers(options, checkpoint)
    with staged(output) as folder:
        progress("capture the graph")
        captured = capture(checkpoint)
        progress("expose biases, attach the head")
        run_passes(captured.model, float_passes(checkpoint, branches))
        scales: tuple[StaticScale, ...] = ()
        if options.precision != "fp32":
            progress("compare the float graph with torch")
            check_float_graph(captured.model, checkpoint, folder)
            if options.activations == "static":
                progress("calibrate activations")
                ranges = measure_ranges(captured.model, checkpoint, (*CALIBRATION_TEXTS, *options.calibration), folder)
                scales = static_scales(captured.model.graph, ranges)
            progress("quantize")
            run_passes(captured.model, quantization_passes(options.precision, scales))
        run_passes(captured.model, final_passes())
        progress("write the base")
        defaults = default_biases(captured.model.graph)
        files = write_files(folder, captured.model, checkpoint, defaults)
        progress("verify")
        session = open_session(folder / MODEL_FILE)
        self_test = measure_self_test(session, checkpoint, defaults)
        manifest = make_manifest(checkpoint, captured, options.precision, branches, defaults, self_test, files, scales)
        verified = verify(session, manifest, defaults, checkpoint)
        write_manifest(folder, manifest)
        (folder / CARD_FILE).write_text(base_card(manifest, checkpoint.origin), encoding="utf-8")
        Engine(Base.open(folder))  # as a user will load it
        size = graph_bytes(folder)
    return ExportReport.of(manifest, output, verified, size, time.perf_counter() - began, checkpoint.notes)
