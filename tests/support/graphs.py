"""Small graphs for the tests of passes."""

import numpy as np
import onnx_ir as ir
import onnxruntime as ort

from bitfit_runtime.session import make_exact


def tensor(name: str, shape: list[str | int], dtype: ir.DataType) -> ir.Value:
    return ir.Value(name=name, shape=ir.Shape(shape), type=ir.TensorType(dtype))


def model_of(*inputs: ir.Value) -> ir.Model:
    graph = ir.Graph(list(inputs), [], nodes=[], opset_imports={"": 23, "com.microsoft": 1}, name="test")
    return ir.Model(graph, ir_version=10)


def run(model: ir.Model, **feeds: np.ndarray) -> np.ndarray:
    options = make_exact(ort.SessionOptions())
    session = ort.InferenceSession(ir.to_proto(model).SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, feeds)[0]
