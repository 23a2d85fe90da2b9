"""Import of an encoder from an ONNX model that another exporter wrote.

Its parameters are recovered by name and position (`recover`) and loaded into the model that its config.json describes;
both must give the same hidden states (`agreement`). From there on the export is that of a checkpoint: the other
exporter's graph, of whatever opset, is not used any more.
"""

from bitfit_exporters.onnx_import.load import load_onnx

__all__ = ["load_onnx"]
