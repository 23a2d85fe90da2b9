"""Taking an encoder in from an ONNX model that another exporter wrote.

Its parameters are found by name and place (`recover`), put into the model that its config.json describes, and both must
give the same hidden states (`agreement`). From there on the export is that of a checkpoint: the foreign graph, of
whatever opset, is left behind.
"""

from bitfit_exporters.onnx_import.load import load_onnx

__all__ = ["load_onnx"]
