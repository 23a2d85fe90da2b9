"""Construction of nodes and initializers, for the passes."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir
from onnx_ir.passes import PreconditionError

MICROSOFT = "com.microsoft"


class Builder:
    """Inserts nodes before `before`, or at the end of the graph when it is None. Outputs are named from `prefix`."""

    def __init__(self, graph: ir.Graph, prefix: str, before: ir.Node | None = None) -> None:
        self._graph, self._prefix, self._before = graph, prefix, before

    def __call__(
        self,
        op_type: str,
        *inputs: ir.Value | None,
        name: str | None = None,
        domain: str = "",
        attributes: Mapping[str, Any] | None = None,
    ) -> ir.Value:
        """Insert a node and return its one output, named `name` or after the prefix and the operator."""
        node = ir.node(op_type, list(inputs), attributes=attributes or {}, domain=domain)
        node.outputs[0].name = name or f"{self._prefix}.{op_type}"
        self._insert(node)
        return node.outputs[0]

    def find(self, name: str) -> ir.Value | None:
        """Return the initializer or the node's output of this name, None if there is none."""
        made = (value for node in self._graph for value in node.outputs if value.name == name)
        return self._graph.initializers.get(name) or next(made, None)

    def split(self, value: ir.Value, sizes: Sequence[int]) -> Sequence[ir.Value]:
        """Insert a node that splits the last axis into parts of these sizes."""
        lengths = self.constant(f"{self._prefix}.sizes", np.array(sizes, np.int64))
        node = ir.node("Split", [value, lengths], attributes={"axis": -1}, num_outputs=len(sizes))
        for index, part in enumerate(node.outputs):
            part.name = f"{self._prefix}.part{index}"
        self._insert(node)
        return node.outputs

    def _insert(self, node: ir.Node) -> None:
        if self._before is None:
            self._graph.append(node)
        else:
            self._graph.insert_before(self._before, node)

    def constant(self, name: str, array: npt.NDArray[Any]) -> ir.Value:
        """Return the initializer `name`, made from `array` unless the graph has it already."""
        return self._graph.initializers.get(name) or add_initializer(self._graph, name, array)


def add_initializer(graph: ir.Graph, name: str, array: npt.NDArray[Any]) -> ir.Value:
    """Add an initializer of a new name to the graph."""
    tensor = ir.tensor(np.asarray(array, order="C"), name=name)  # ascontiguousarray would give scalars an axis
    value = ir.Value(
        name=name, shape=ir.Shape(tensor.shape.numpy()), type=ir.TensorType(tensor.dtype), const_value=tensor
    )
    graph.initializers[name] = value
    return value


def add_overridable(
    graph: ir.Graph, name: str, default: npt.NDArray[np.float32 | np.int64], shape: Sequence[str | int]
) -> ir.Value:
    """Add an initializer that is also a graph input: a default that a caller may override."""
    value = add_initializer(graph, name, default)
    value.shape = ir.Shape(shape)
    graph.inputs.append(value)
    return value


def replace(graph: ir.Graph, node: ir.Node, value: ir.Value) -> None:
    """Use `value` wherever the node's one output was used, with the same shape, and remove the node."""
    if value.shape is None:
        value.shape, value.type = node.outputs[0].shape, node.outputs[0].type
    node.outputs[0].replace_all_uses_with(value, replace_graph_outputs=True)
    graph.remove(node, safe=True)


def require_inputs(graph: ir.Graph, *names: str) -> None:
    """Raise PreconditionError where the graph lacks an input."""
    present = {value.name for value in graph.inputs}
    for name in names:
        if name not in present:
            raise PreconditionError(f"the graph has no input {name}")


def graph_input(graph: ir.Graph, name: str) -> ir.Value:
    """Return the graph's input of a name, which must be there."""
    return next(value for value in graph.inputs if value.name == name)


def products(graph: ir.Graph) -> list[tuple[ir.Value, ir.Value, ir.Node]]:
    """Return (data, weight, node) of every MatMul with a constant weight."""
    found = []
    for node in graph:
        data, weight = node.inputs[:2] if node.op_type == "MatMul" else (None, None)
        if data is not None and weight is not None and weight.const_value is not None and not weight.is_graph_input():
            found.append((data, weight, node))
    return found
