"""Products of constants, rewritten so that a session computes them once."""

import onnx_ir as ir
from onnx_ir.passes import InPlacePass, PassResult, PostconditionError

from bitfit_exporters.passes.build import Builder, replace

PRODUCT = "MatMulIntegerToFloat"


class MakeConstantsFoldable(InPlacePass):
    """Rewrite quantized products whose operands are both constant.

    Before: `MatMulIntegerToFloat(a, w, step, scale, zero)`, which ONNX Runtime computes in every run. After: the same
    as `Cast`, `Sub`, `MatMul` and `Mul`, which it computes when the session is made: in floats, which are exact for
    sums below 2²⁴ (any row of 1,040 codes), where integers might saturate, since the session option against that takes
    effect later. It saves a projection of all relative positions, as much as hundreds of tokens, in every layer and
    run.
    """

    def call(self, model: ir.Model) -> PassResult:
        """Rewrite the products in order: what follows one may be constant as well."""
        products = _constant_products(model.graph)
        for node in products:
            _rewrite(model.graph, node)
        return PassResult(model, modified=bool(products))

    def ensures(self, model: ir.Model) -> None:
        """No quantized product of constants is left."""
        if left := _constant_products(model.graph):
            raise PostconditionError(f"{left[0].outputs[0].name} is still a quantized product of constants")


def _constant_products(graph: ir.Graph) -> list[ir.Node]:
    """Return the quantized products that depend on constants alone, in the order of the graph."""
    constants: set[ir.Value] = set()
    products = []
    for node in graph:
        if all(value in constants or _is_weight(value) for value in node.inputs if value is not None):
            constants |= set(node.outputs)
            if node.op_type == PRODUCT:
                products.append(node)
    return products


def _rewrite(graph: ir.Graph, node: ir.Node) -> None:
    data, weight, step, scale, zero = (value for value in node.inputs if value is not None)
    build = Builder(graph, str(node.outputs[0].name), node)
    codes, middle, factors = (
        build("Cast", value, attributes={"to": ir.DataType.FLOAT}, name=f"{value.name}.float")
        for value in (data, zero, weight)
    )
    whole = build("MatMul", build("Sub", codes, middle), factors)
    product = build("Mul", whole, build("Mul", scale, step, name=f"{node.outputs[0].name}.scale"))
    replace(graph, node, product)


def _is_weight(value: ir.Value) -> bool:
    return value.is_initializer() and not value.is_graph_input()
