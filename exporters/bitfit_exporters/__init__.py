"""Turn a pretrained encoder into a base bundle: one frozen graph whose biases are inputs.

    from bitfit_exporters import ExportOptions, export_base

    export_base("bert-base", Path("base"), ExportOptions())

Needs the extra `export` (torch, transformers, onnx, onnx-ir, onnxscript).
"""

from bitfit_exporters.errors import ExportError
from bitfit_exporters.options import ExportOptions

try:
    from bitfit_exporters.export import export_base, export_onnx
    from bitfit_exporters.read_back import read_parameters
    from bitfit_exporters.report import ExportReport
except ModuleNotFoundError as error:
    if error.name is None or error.name.startswith("bitfit"):
        raise
    raise ModuleNotFoundError(
        f"bitfit_exporters needs {error.name}; run: pip install 'bitfit-edge[export]'", name=error.name
    ) from None

__all__ = ["ExportError", "ExportOptions", "ExportReport", "export_base", "export_onnx", "read_parameters"]
