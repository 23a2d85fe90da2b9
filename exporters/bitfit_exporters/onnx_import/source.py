"""Source of an import: a foreign ONNX model, found and read without trust in what the file says."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import onnx
import onnx_ir as ir
from onnx_ir.passes.common import InlinePass

from bitfit_exporters.errors import CheckpointError, OnnxModelError
from bitfit_exporters.model_files import check_content
from bitfit_runtime.errors import first_line

MODEL_NAMES = ("model.onnx", "onnx/model.onnx")
# From opset 7 on, Add and Mul broadcast as they do today.
OPSETS = range(7, onnx.defs.onnx_opset_version() + 1)
STANDARD_DOMAINS = ("", "ai.onnx")
QUANTIZED = ("Quantize", "Integer", "QLinear", "QAttention", "QGemm", "NBits", "BnB4")


@dataclass(frozen=True, slots=True)
class OnnxSource:
    """The ONNX file, and the folder that holds its config.json and tokenizer.json."""

    model: Path
    folder: Path


def locate(path: Path) -> OnnxSource:
    """Find the model in a folder or beside its file; optimum and the hub put it into `onnx/` or beside config.json.

    Raises OnnxModelError when there is no model or more than one, CheckpointError when config.json is missing.
    """
    model = Path(os.path.expanduser(path)).absolute()  # noqa: PTH111 (that of pathlib raises RuntimeError)
    if model.is_dir():
        model = _only_model(model)
    elif not model.is_file():
        raise OnnxModelError(f"no file or folder {path}; give an ONNX file, or a folder that holds one")
    for folder in (model.parent, model.parent.parent):
        if (folder / "config.json").is_file():
            return OnnxSource(model, folder)
    raise CheckpointError(f"{model} has no config.json beside it; put the model's config.json and tokenizer.json there")


def read_model(path: Path) -> ir.Model:
    """Read the graph, its functions inlined. Weights in other files stay there until asked for.

    Raises OnnxModelError when the file is a Git-LFS pointer, truncated or not an ONNX model, names a file outside its
    folder, or has what rules out recovering the parameters: an unknown opset, quantized weights, operators fused by an
    optimizer.
    """
    try:
        check_content(path)
        model = ir.load(path, format="protobuf")
        _check_opset(path, model)
        _check_files(path, model)
        if model.functions:
            InlinePass()(model)
    except OnnxModelError:
        raise
    except CheckpointError as error:
        found = str(error).removeprefix(f"{path} ")
        raise OnnxModelError(f"{path} is truncated or not an ONNX model ({found})") from None
    except Exception as error:  # protobuf's decoding errors share no base class
        raise OnnxModelError(
            f"{path} is truncated or not an ONNX model ({first_line(error)}); export it again"
        ) from None
    _check_operators(path, model)
    return model


def _only_model(folder: Path) -> Path:
    for name in MODEL_NAMES:
        if (folder / name).is_file():
            return folder / name
    others = sorted(folder.glob("*.onnx"))
    if len(others) != 1:
        found = ", ".join(path.name for path in others) or "no .onnx file"
        raise OnnxModelError(f"{folder} should hold model.onnx, found {found}; give the file itself")
    return others[0]


def _check_opset(path: Path, model: ir.Model) -> None:
    opset = next((model.opset_imports[d] for d in STANDARD_DOMAINS if d in model.opset_imports), None)
    if opset is None:
        raise OnnxModelError(f"{path} is truncated or not an ONNX model (it names no opset); export it again")
    if opset not in OPSETS:
        raise OnnxModelError(
            f"{path} has opset {opset}, expected {OPSETS[0]} to {OPSETS[-1]}; export it again, or update onnx"
        )


def _check_files(path: Path, model: ir.Model) -> None:
    """Refuse absolute paths, `..` and links: whatever leaves the model's folder."""
    folder = path.parent.resolve()
    for tensor in _tensors(model):
        if isinstance(tensor, ir.ExternalTensor):
            file = (folder / tensor.location).resolve()
            if not file.is_relative_to(folder):
                raise OnnxModelError(
                    f"{path} keeps weights in {tensor.location}, outside its folder; copy that file beside the model, "
                    "and export it again if you do not trust where it comes from"
                )
            if not file.is_file():
                raise OnnxModelError(
                    f"{path} keeps weights in {tensor.location}, which is missing; put that file beside it"
                )


def _tensors(model: ir.Model) -> Iterator[ir.TensorProtocol]:
    for graph in model.graphs():
        for value in graph.initializers.values():
            if value.const_value is not None:
                yield value.const_value
        for node in graph:
            for attribute in node.attributes.values():
                if attribute.type == ir.AttributeType.TENSOR and not attribute.is_ref():
                    yield attribute.as_tensor()


def _check_operators(path: Path, model: ir.Model) -> None:
    for graph in model.graphs():
        for node in graph:
            if any(part in node.op_type for part in QUANTIZED):
                raise OnnxModelError(f"{path} is quantized already ({node.op_type}); give the float32 model")
            if node.domain not in STANDARD_DOMAINS:
                raise OnnxModelError(
                    f"{path} was rewritten by an optimizer ({node.domain}.{node.op_type}); give the model as it was "
                    "exported, without optimization"
                )
