"""The floor: a graph of the int8 matrix products and float32 attention of an encoder, and nothing else.

Activations come in quantized; every product gets them as an input, so no layer waits for rounding, normalization, GELU
or a bias. One number of each result is kept (`Slice`, `Concat`), without which ONNX Runtime would drop the products.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

HIDDEN, INNER = "hidden", "inner"


def write_floor(config_path: Path, target: Path) -> None:
    """Write the floor of the transformers configuration at `config_path` (BERT's field names)."""
    config = json.loads(config_path.read_text())
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    build = _Builder()
    for layer in range(config["num_hidden_layers"]):
        q, k, v = (build.product(HIDDEN, f"{layer}.{name}", hidden, hidden) for name in "qkv")
        heads = config["num_attention_heads"]
        build.keep(build.node("Attention", [q, k, v], f"{layer}.attention", q_num_heads=heads, kv_num_heads=heads))
        build.keep(build.product(HIDDEN, f"{layer}.output", hidden, hidden))
        build.keep(build.product(HIDDEN, f"{layer}.up", hidden, inner))
        build.keep(build.product(INNER, f"{layer}.down", inner, hidden))
    onnx.save(build.model({HIDDEN: hidden, INNER: inner}), target)


def floor_feeds(config_path: Path, rows: int, sequence: int) -> dict[str, npt.NDArray[np.uint8]]:
    """Return random quantized activations for that floor, `[rows, sequence, width]`."""
    config = json.loads(config_path.read_text())
    generator = np.random.default_rng(0)
    widths = {HIDDEN: config["hidden_size"], INNER: config["intermediate_size"]}
    return {name: generator.integers(0, 256, (rows, sequence, width), np.uint8) for name, width in widths.items()}


class _Builder:
    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []
        self._kept: list[str] = []
        self._generator = np.random.default_rng(0)
        for name, value in (("step", np.float32(1 / 127)), ("zero_point", np.uint8(128))):
            self._constant(name, np.array(value))
        for name, values in (("starts", [0, 0, 0]), ("ends", [1, 1, 1]), ("axes", [0, 1, 2])):
            self._constant(name, np.array(values, np.int64))

    def node(self, op_type: str, inputs: list[str], output: str, domain: str = "", **attributes: Any) -> str:
        self._nodes.append(helper.make_node(op_type, inputs, [output], domain=domain, **attributes))
        return output

    def product(self, activations: str, name: str, width_in: int, width_out: int) -> str:
        """An int8 product with random weights and a scale a column."""
        weight = self._constant(f"{name}.weight", self._generator.integers(-127, 128, (width_in, width_out), np.int8))
        scale = self._constant(f"{name}.scale", np.full(width_out, 1e-3, np.float32))
        inputs = [activations, weight, "step", scale, "zero_point"]
        return self.node("MatMulIntegerToFloat", inputs, f"{name}.product", domain="com.microsoft")

    def keep(self, value: str) -> None:
        self._kept.append(self.node("Slice", [value, "starts", "ends", "axes"], f"{value}.kept"))

    def model(self, widths: dict[str, int]) -> onnx.ModelProto:
        self.node("Concat", self._kept, "kept", axis=0)
        inputs = [
            helper.make_tensor_value_info(name, TensorProto.UINT8, ["batch", "sequence", width])
            for name, width in widths.items()
        ]
        output = helper.make_tensor_value_info("kept", TensorProto.FLOAT, [len(self._kept), 1, 1])
        graph = helper.make_graph(self._nodes, "floor", inputs, [output], self._constants)
        opsets = [helper.make_opsetid("", 23), helper.make_opsetid("com.microsoft", 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=10)

    def _constant(self, name: str, array: npt.NDArray[np.generic]) -> str:
        self._constants.append(numpy_helper.from_array(array, name))
        return name
