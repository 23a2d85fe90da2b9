import numpy as np
import onnx_ir as ir
import pytest
from onnx import TensorProto, helper, numpy_helper

from bitfit_exporters.errors import OnnxModelError
from bitfit_exporters.onnx_import.recover import common_prefix, recover_parameters

WEIGHT = np.arange(6, dtype=np.float32).reshape(2, 3)  # [out, in], as torch keeps it
BIAS = np.array([7, 8], np.float32)
SHAPES = {"layer.dense.weight": (2, 3), "layer.dense.bias": (2,)}


def graph_of(node: str, weight: np.ndarray, bias_name: str = "layer.dense.bias", **attributes: int) -> ir.Graph:
    """One linear layer whose weight has lost its name."""
    nodes = [helper.make_node(node, ["x", "w", *([bias_name] if node == "Gemm" else [])], ["product"], **attributes)]
    if node == "MatMul":
        nodes.append(helper.make_node("Add", ["product", bias_name], ["y"]))
    tensors = [numpy_helper.from_array(weight, "w"), numpy_helper.from_array(BIAS, bias_name)]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["rows", 3])
    y = helper.make_tensor_value_info(nodes[-1].output[0], TensorProto.FLOAT, ["rows", 2])
    proto = helper.make_model(helper.make_graph(nodes, "linear", [x], [y], tensors))
    return ir.from_proto(proto).graph


@pytest.mark.parametrize(
    "graph",
    [
        graph_of("MatMul", WEIGHT.T.copy()),
        graph_of("MatMul", WEIGHT.T.copy(), "model.bert.layer.dense.bias"),
        graph_of("Gemm", WEIGHT.T.copy()),
        graph_of("Gemm", WEIGHT, transB=1),
    ],
    ids=["MatMul and Add", "names with a prefix", "Gemm", "Gemm of a weight as torch keeps it"],
)
def test_a_linear_layers_nameless_weight_is_told_by_its_bias_and_laid_as_torch_has_it(graph: ir.Graph) -> None:
    found = recover_parameters(graph, SHAPES)
    np.testing.assert_array_equal(found["layer.dense.weight"], WEIGHT)
    np.testing.assert_array_equal(found["layer.dense.bias"], BIAS)


def test_a_weight_of_another_shape_is_refused_with_both_shapes() -> None:
    with pytest.raises(OnnxModelError, match=r"dense\.weight should have shape \(2, 3\).*found \(2, 4\)"):
        recover_parameters(graph_of("MatMul", np.zeros((4, 2), np.float32)), SHAPES)


def test_what_most_names_have_in_front_is_the_prefix() -> None:
    known = ["norm.weight", "layers.0.norm.weight", "layers.1.norm.weight"]
    assert common_prefix([f"model.{name}" for name in known], known) == "model."
    assert common_prefix(known, known) == ""
    assert common_prefix(["val_1"], known) == ""
