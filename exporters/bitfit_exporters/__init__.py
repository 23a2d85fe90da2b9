"""Export of a pretrained encoder as a base: one frozen graph whose biases are inputs.

    from bitfit_exporters import export

    report = export("minilm", "base")

`ExportOptions` and the errors need nothing; everything else needs the extra `export` (torch, transformers, onnx,
onnx-ir, onnxscript) and is imported when it is first used.
"""

from typing import TYPE_CHECKING

from bitfit_exporters.errors import ExportError
from bitfit_exporters.options import ExportOptions
from bitfit_runtime.lazy import lazy_exports

if TYPE_CHECKING:
    from bitfit_exporters.pipeline import export, export_onnx
    from bitfit_exporters.plain.write import PlainModel, write_plain_model
    from bitfit_exporters.read_back import read_parameters
    from bitfit_exporters.report import ExportReport

__all__ = [
    "ExportError",
    "ExportOptions",
    "ExportReport",
    "PlainModel",
    "export",
    "export_onnx",
    "read_parameters",
    "write_plain_model",
]

__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "ExportReport": "bitfit_exporters.report",
        "PlainModel": "bitfit_exporters.plain.write",
        "export": "bitfit_exporters.pipeline",
        "export_onnx": "bitfit_exporters.pipeline",
        "read_parameters": "bitfit_exporters.read_back",
        "write_plain_model": "bitfit_exporters.plain.write",
    },
    extra="export",
)
