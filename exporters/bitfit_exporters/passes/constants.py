"""Products of constants, written so that a session computes them once."""

import onnx_ir as ir

from bitfit_exporters.passes.build import Builder, replace


def let_constants_fold(graph: ir.Graph) -> None:
    """Rewrite quantized products of which both sides are constant.

    Before: `MatMulIntegerToFloat(a, w, step, scale, zero)`, which onnxruntime computes in every run. After: the same as
    `Cast`, `Sub`, `MatMul` and `Mul`, which it computes when the session is made: in floats, which are exact for sums
    below 2²⁴ (any row of 1,040 codes), where integers might saturate, for the session option against that takes effect
    later. It saves a projection of all relative positions, as much as hundreds of tokens, in every layer and run.
    """
    constants: set[ir.Value] = set()
    for node in list(graph):
        inputs = [value for value in node.inputs if value is not None]
        if not all(value in constants or _is_weight(value) for value in inputs):
            continue
        constants |= set(node.outputs)
        if node.op_type == "MatMulIntegerToFloat":
            data, weight, step, scale, zero = inputs
            build = Builder(graph, str(node.outputs[0].name), node)
            codes, middle, factors = (
                build("Cast", value, attributes={"to": ir.DataType.FLOAT}, name=f"{value.name}.float")
                for value in (data, zero, weight)
            )
            whole = build("MatMul", build("Sub", codes, middle), factors)
            product = build("Mul", whole, build("Mul", scale, step, name=f"{node.outputs[0].name}.scale"))
            replace(graph, node, product)
            constants.add(product)


def _is_weight(value: ir.Value) -> bool:
    return value.is_initializer() and not value.is_graph_input()
