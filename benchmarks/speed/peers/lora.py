"""ONNX Runtime's own LoRA adapters on the same int8 base: biases constant, a rank-8 update beside each linear layer.

The graph is the exported base with its biases made constant again. Each chosen layer `y = x·W + b` gains
`y + (x·A)·B`, where A `[in, rank]` and B `[rank, out]` are inputs with defaults, as ONNX Runtime's adapters want them.
The head stays an input, which an adapter brings along too.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx_ir as ir
import onnxruntime as ort

from bitfit_runtime import Base
from harness.packs import Arrays

RANK = 8
ROUNDING = {"QuantizeLinear", "DynamicQuantizeLinear"}
LAYERS: dict[str, Callable[[str], bool]] = {
    "query and value": lambda name: ".query." in name or ".value." in name,
    "all linear layers": lambda name: "embeddings" not in name,
}


def write_lora_graph(base: Base, layers: Callable[[str], bool], target: Path) -> None:
    """Write the graph with updates beside the int8 layers that `layers` chooses by the weight's name."""
    model = ir.external_data.load_to_model(ir.load(base.model_path))
    model.metadata_props.clear()
    graph = model.graph
    biases = {spec.name for spec in base.manifest.biases}
    for value in [value for value in graph.inputs if value.name in biases]:
        graph.inputs.remove(value)
        assert value.const_value is not None
        value.shape = ir.Shape(value.const_value.shape.numpy())
    for name in chosen_weights(base, layers):
        _add_update(graph, name)
    ir.save(model, target)


def chosen_weights(base: Base, layers: Callable[[str], bool]) -> list[str]:
    """Return the names of the linear layers' weights that `layers` chooses."""
    linear = [spec for spec in base.manifest.weights if len(spec.shape) == 2 and spec.transposed]
    return [spec.name for spec in linear if layers(spec.name)]


def random_adapter(base: Base, layers: Callable[[str], bool], seed: int, labels: int = 2) -> Arrays:
    """Parameters of one task by input name, float32. Updates are small beside the weights, as trained ones are."""
    generator = np.random.default_rng(seed)

    def noise(scale: float, *shape: int) -> npt.NDArray[np.float32]:
        return (scale * generator.standard_normal(shape)).astype(np.float32)

    shapes = {spec.name: spec.shape for spec in base.manifest.weights}
    found = {"head.weight": noise(0.05, 1, base.manifest.hidden_size, labels), "head.bias": noise(0.05, 1, 1, labels)}
    for name in chosen_weights(base, layers):
        width_out, width_in = shapes[name]
        found[f"{name}.lora_A"] = noise(width_in**-0.5, width_in, RANK)
        found[f"{name}.lora_B"] = noise(0.005, RANK, width_out)
    return found


def write_adapter(parameters: Arrays, target: Path) -> None:
    """Write parameters as ONNX Runtime's adapter file."""
    adapter = ort.AdapterFormat()
    adapter.set_adapter_version(1)
    adapter.set_model_version(1)
    adapter.set_parameters({name: ort.OrtValue.ortvalue_from_numpy(array) for name, array in parameters.items()})
    adapter.export_adapter(str(target))


def _add_update(graph: ir.Graph, name: str) -> None:
    weight, bias = graph.initializers[name], graph.initializers[name.removesuffix("weight") + "bias"]
    data, result = _input_of(weight), _sum_with(bias)
    assert weight.const_value is not None
    width_in, width_out = weight.const_value.shape.numpy()
    first = _input(graph, f"{name}.lora_A", np.zeros((width_in, RANK), np.float32))
    second = _input(graph, f"{name}.lora_B", np.zeros((RANK, width_out), np.float32))
    total = result.outputs[0]
    users = list(total.uses())
    down = ir.node("MatMul", [data, first])
    update = ir.node("MatMul", [down.outputs[0], second])
    updated = ir.node("Add", [total, update.outputs[0]])
    for node, suffix in ((down, "down"), (update, "update"), (updated, "updated")):
        node.outputs[0].name = f"{name}.lora_{suffix}"
    graph.insert_after(result, [down, update, updated])
    for use in users:
        use.node.replace_input_with(use.idx, updated.outputs[0])


def _input_of(weight: ir.Value) -> ir.Value:
    """Follow a layer's activations back to where they are still in floating point."""
    node = _user(weight)
    if node.op_type == "Concat":  # queries, keys and values in one product
        node = _user(node.outputs[0])
    codes = node.inputs[0]
    rounding = codes.producer() if codes is not None else None
    data = rounding.inputs[0] if rounding is not None and rounding.op_type in ROUNDING else None
    if data is None:
        raise ValueError(f"{weight.name}: found no float input; teach lora.py how this base rounds")
    return data


def _user(value: ir.Value) -> ir.Node:
    (use,) = value.uses()
    return use.node


def _sum_with(bias: ir.Value) -> ir.Node:
    nodes = [use.node for use in bias.uses()]
    if len(nodes) != 1 or nodes[0].op_type != "Add":
        found = ", ".join(node.op_type for node in nodes)
        raise ValueError(f"{bias.name}: expected one Add, found {found}; teach lora.py how this base adds it")
    return nodes[0]


def _input(graph: ir.Graph, name: str, default: npt.NDArray[np.float32]) -> ir.Value:
    tensor = ir.tensor(default, name=name)
    value = ir.Value(name=name, shape=ir.Shape(default.shape), type=ir.TensorType(tensor.dtype), const_value=tensor)
    graph.initializers[name] = value
    graph.inputs.append(value)
    return value
