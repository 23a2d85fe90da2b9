"""Recovery of a model's parameters from an ONNX graph that another exporter wrote.

Exporters keep the names of most parameters, but transpose the weights of linear layers and drop their names, and keep
one of several equal tensors. So a parameter is first looked for by position: a node's own name or metadata tells the
module that it comes from (`/encoder/layer.0/output/dense/MatMul`), else the name of its neighbour does, and its
operator tells which operand is the weight, which the bias, and whether the weight is transposed. What has no such
position is taken by name.
"""

import ast
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from bitfit_exporters.errors import OnnxModelError

SCOPES = "pkg.torch.onnx.name_scopes"
PRODUCTS = ("MatMul", "Gemm")
FLOATS = (ir.DataType.FLOAT, ir.DataType.DOUBLE)
Float32 = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Constant:
    """A stored tensor, and whether the graph sees it with its two axes swapped."""

    tensor: ir.TensorProtocol
    swapped: bool = False


def recover_parameters(graph: ir.Graph, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Float32]:
    """Return those of a model's parameters that the graph holds, each in the shape that the model gives it.

    `shapes` are all parameters by name. Parameters that share one initializer get a copy each. Raises OnnxModelError
    when there is no matrix product with constant weights, or a parameter has another shape or is not float32.
    """
    constants = _constants(graph)
    if not any(node.op_type in PRODUCTS and _operand(node, 1, constants) for node in graph):
        raise OnnxModelError("the ONNX model has no matrix product with constant weights; expected a text encoder")
    found: dict[str, Float32] = {}

    def take(name: str, constant: _Constant, swapped: bool) -> None:
        if name in shapes and name not in found:
            found[name] = _array(name, constant.tensor, swapped != constant.swapped, shapes[name])

    owners = _Owners(graph, constants, shapes)
    for node in graph:
        for index, role, swapped in _roles(node):
            constant = _operand(node, index, constants)
            if constant is not None and constant.tensor.size > 1:  # a single number is an epsilon, not a parameter
                take(f"{owners.of(node)}.{role}", constant, swapped)
    for name, constant in constants.items():
        take(owners.parameter(name), constant, False)
    return found


class _Owners:
    """Tells which module of the model a node comes from."""

    def __init__(
        self, graph: ir.Graph, constants: Mapping[str, _Constant], shapes: Mapping[str, tuple[int, ...]]
    ) -> None:
        self._modules = {module(name) for name in shapes} - {""}
        self._constants = constants
        self._name_prefix = common_prefix(constants, shapes)
        self._path_prefix = common_prefix(map(_path, graph), self._modules)

    def parameter(self, value: str) -> str:
        """Return the parameter's name in the model, given a value's name in the graph."""
        return value.removeprefix(self._name_prefix)

    def of(self, node: ir.Node) -> str:
        """Return the module's name, empty if it cannot be told."""
        path = _path(node).removeprefix(self._path_prefix)
        if path in self._modules:
            return path
        for value in node.inputs:
            # A tensor with several users may bear the name of another module's parameter.
            if value is not None and value.name in self._constants and len(value.uses()) == 1:
                owner = module(self.parameter(str(value.name)))
                if owner in self._modules:
                    return owner
        users = [use.node for use in node.outputs[0].uses()]
        bias_follows = node.op_type in ("MatMul", "Mul") and [user.op_type for user in users] == ["Add"]
        return self.of(users[0]) if bias_follows else ""


def common_prefix(names: Iterable[str], known: Iterable[str]) -> str:
    """Return the most common prefix of `names` before a known name, such as `bert.`, or an empty string."""
    targets = set(known)
    prefixes: Counter[str] = Counter()
    for name in names:
        parts = name.split(".")
        for start in range(len(parts)):
            if ".".join(parts[start:]) in targets:
                prefixes["".join(f"{part}." for part in parts[:start])] += 1
    return max(prefixes, key=lambda prefix: (prefixes[prefix], -len(prefix)), default="")


def module(parameter: str) -> str:
    """Return the name of the module that owns a parameter."""
    return parameter.rpartition(".")[0]


def _constants(graph: ir.Graph) -> dict[str, _Constant]:
    """All constant tensors by the name of the value that holds them, also behind Identity and Transpose."""
    constants = {
        str(v.name): _Constant(v.const_value) for v in graph.initializers.values() if v.const_value is not None
    }
    for node in graph:
        name = str(node.outputs[0].name) if node.outputs else ""
        source = _operand(node, 0, constants)
        if node.op_type == "Constant" and "value" in node.attributes:
            constants[name] = _Constant(node.attributes["value"].as_tensor())
        elif node.op_type == "Identity" and source is not None:
            constants[name] = source
        elif node.op_type == "Transpose" and source is not None and len(source.tensor.shape) == 2:
            constants[name] = _Constant(source.tensor, not source.swapped)
    return constants


def _operand(node: ir.Node, index: int, constants: Mapping[str, _Constant]) -> _Constant | None:
    value = node.inputs[index] if index < len(node.inputs) else None
    return None if value is None else constants.get(str(value.name))


def _roles(node: ir.Node) -> Iterator[tuple[int, str, bool]]:
    """Yield (index of an operand, its name in the module, whether its axes are swapped)."""
    match node.op_type:
        case "MatMul":
            yield 1, "weight", True
        case "Gemm":
            transposed = node.attributes.get("transB")
            yield 1, "weight", transposed is None or transposed.as_int() == 0
            yield 2, "bias", False
        case "LayerNormalization":
            yield 1, "weight", False
            yield 2, "bias", False
        case "Gather":
            yield 0, "weight", False
        case "Mul":  # of a normalization in parts
            yield from ((0, "weight", False), (1, "weight", False))
        case "Add":
            yield from ((0, "bias", False), (1, "bias", False))


def _path(node: ir.Node) -> str:
    """Return the dotted path of modules that torch's exporters leave in a node's metadata or its name."""
    scopes = node.metadata_props.get(SCOPES)
    if scopes is None:
        return ".".join(str(node.name or "").strip("/").split("/")[:-1])
    try:
        return str(ast.literal_eval(scopes)[-2])
    except (ValueError, SyntaxError, LookupError, TypeError):
        return ""


def _array(name: str, tensor: ir.TensorProtocol, swapped: bool, shape: tuple[int, ...]) -> Float32:
    if tensor.dtype not in FLOATS:
        raise OnnxModelError(f"{name} is stored as {tensor.dtype.name.lower()}; give a model exported in float32")
    try:
        array = tensor.numpy().T if swapped else tensor.numpy()
    except (OSError, ValueError) as error:  # weights kept in a file of their own that is too short
        raise OnnxModelError(f"{name} cannot be read ({error}); export the ONNX model again") from None
    if array.shape != shape:
        raise OnnxModelError(
            f"{name} should have shape {shape} by config.json, found {array.shape}; "
            "give the config.json that belongs to the ONNX model"
        )
    return np.array(array, np.float32, order="C")
