"""Constant-bias int8 models as optimum makes them: one model a task. Runs in the environment of `requirements.txt`.

    .venv-peers/bin/python benchmarks/speed/peers/optimum_models.py CHECKPOINT OUTPUT

Every setting is optimum's own, `AutoQuantizationConfig.avx512_vnni(is_static=False)`: weights per tensor and per
channel; with the products of attention left in floating point; after `ORTOptimizer` at level O2. Optimum's quantizer
refuses an O2 graph as it comes, for lack of recorded shapes: onnxruntime's own symbolic inference adds them.
"""

import shutil
import sys
import tempfile
from pathlib import Path

import onnx
import torch
from onnxruntime.tools.symbolic_shape_infer import SymbolicShapeInference
from optimum.onnxruntime import (
    AutoOptimizationConfig,
    AutoQuantizationConfig,
    ORTModelForSequenceClassification,
    ORTOptimizer,
    ORTQuantizer,
)


def main() -> None:
    checkpoint, output = sys.argv[1], Path(sys.argv[2])
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output) as name:
        folder = Path(name)
        torch.manual_seed(0)  # the classifier is new
        ORTModelForSequenceClassification.from_pretrained(checkpoint, export=True).save_pretrained(folder)
        ORTOptimizer.from_pretrained(folder).optimize(AutoOptimizationConfig.O2(), save_dir=folder)
        optimized = onnx.load(folder / "model_optimized.onnx")
        onnx.save(SymbolicShapeInference.infer_shapes(optimized, auto_merge=True), folder / "model_optimized.onnx")
        for per_channel in (False, True):
            scales = "channel" if per_channel else "tensor"
            quantize(folder, "model.onnx", output / f"per-{scales}.onnx", per_channel)
            quantize(folder, "model_optimized.onnx", output / f"O2-per-{scales}.onnx", per_channel)
        products = activation_products(folder / "model.onnx")
        quantize(folder, "model.onnx", output / "float-attention.onnx", False, products)


def quantize(folder: Path, source: str, target: Path, per_channel: bool, exclude: list[str] | None = None) -> None:
    config = AutoQuantizationConfig.avx512_vnni(is_static=False, per_channel=per_channel, nodes_to_exclude=exclude)
    with tempfile.TemporaryDirectory(dir=folder) as name:
        quantizer = ORTQuantizer.from_pretrained(folder, file_name=source)
        quantizer.quantize(save_dir=name, quantization_config=config, file_suffix="int8")
        (made,) = Path(name).glob("*_int8.onnx")
        shutil.move(made, target)
    print(target.name, flush=True)


def activation_products(path: Path) -> list[str]:
    """Names of the MatMul nodes without a constant weight."""
    graph = onnx.load(path).graph
    constants = {tensor.name for tensor in graph.initializer}
    return [node.name for node in graph.node if node.op_type == "MatMul" and node.input[1] not in constants]


if __name__ == "__main__":
    main()
