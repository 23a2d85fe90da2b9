"""Attention in its plain form: hidden states go in as they are, and one mask serves every layer."""

from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir
import onnxruntime as ort
from onnx_ir.passes import InPlacePass, PassResult, PostconditionError

from bitfit_exporters.passes.build import Builder, graph_input, replace, require_inputs
from bitfit_runtime.graph import ATTENTION_MASK, BATCH, INPUT_IDS, SEQUENCE

MASK = 3  # the index of the mask among the inputs of Attention
HEADS_INNER = (0, 2, 1, 3)
# Longer than the local windows of encoders that have them, so that a window is never taken for a padding mask.
TRIAL_LENGTH = 512
OUTPUT_MODE = "qk_matmul_output_mode"  # an attribute of an optional output, which no node here has


class SimplifyAttention(InPlacePass):
    """Simplify each `Attention` of a captured graph.

    Before: queries, keys and values are reshaped and transposed to `[batch, heads, sequence, size]`, the result back;
    a mask is gathered element by element. After: they are `[batch, sequence, hidden]` on both sides, and masks that
    only hide padding are one float tensor `[batch, 1, sequence, sequence]`; what led to the old ones is left unused.
    `max_length` is in tokens.
    """

    def __init__(self, max_length: int) -> None:
        self._max_length = max_length

    def requires(self, model: ir.Model) -> None:
        """The graph has the inputs of which masks are made."""
        require_inputs(model.graph, INPUT_IDS, ATTENTION_MASK)

    def call(self, model: ir.Model) -> PassResult:
        """Replace the masks of padding by one, then the heads by hidden states."""
        graph = model.graph
        nodes = _attentions(graph)
        masks = {id(mask): mask for node in nodes if (mask := _input(node, MASK)) is not None}
        length = min(self._max_length, TRIAL_LENGTH)
        hide_padding = {key for key, mask in masks.items() if _hides_padding_alone(model, mask, length)}
        padding = _padding_mask(graph) if hide_padding else None
        for node in nodes:
            if id(_input(node, MASK)) in hide_padding:
                node.replace_input_with(MASK, padding)
            _merge_heads(graph, node)
        return PassResult(model, modified=bool(nodes))

    def ensures(self, model: ir.Model) -> None:
        """An `Attention` of hidden states knows its heads."""
        for node in _attentions(model.graph):
            query = node.inputs[0]
            if query is not None and query.shape and len(query.shape) == 3 and "q_num_heads" not in node.attributes:
                raise PostconditionError(f"attention {node.outputs[0].name} has hidden states but no number of heads")


def _attentions(graph: ir.Graph) -> list[ir.Node]:
    return [node for node in graph if node.op_type == "Attention" and not node.domain]


def _input(node: ir.Node, index: int) -> ir.Value | None:
    return node.inputs[index] if len(node.inputs) > index else None


def _hides_padding_alone(model: ir.Model, mask: ir.Value, length: int) -> bool:
    """Compute a mask for two rows of a padded batch, and compare. False if it depends on more than the tokens."""
    graph = model.graph
    inputs = [graph_input(graph, name) for name in (INPUT_IDS, ATTENTION_MASK)]
    tokens = np.ones((2, length), np.int64)
    tokens[1, length // 3 :] = 0
    try:
        part = ir.convenience.extract(graph, inputs, [mask])
        proto = ir.to_proto(ir.Model(part, ir_version=model.ir_version))
        session = ort.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
        found: npt.NDArray[Any] = session.run(None, {value.name: tokens for value in session.get_inputs()})[0]
    except Exception:  # it has other inputs, or cannot be run by itself
        return False
    expected = np.broadcast_to(tokens[:, None, None, :].astype(bool), (2, 1, length, length))
    return found.dtype == np.bool_ and np.array_equal(np.broadcast_to(found, expected.shape), expected)


def _padding_mask(graph: ir.Graph) -> ir.Value:
    """Return a mask to add to scores: 0 for real tokens, the lowest float32 for padding."""
    build = Builder(graph, "mask", next(iter(graph)))
    real = graph_input(graph, ATTENTION_MASK)
    lowest = np.array(np.finfo(np.float32).min, np.float32)
    by_row = build(
        "Unsqueeze",
        build("Cast", real, attributes={"to": ir.DataType.BOOL}),
        build.constant("mask.axes", np.array([1, 2], np.int64)),
    )
    shift = build(
        "Where", by_row, build.constant("mask.zero", np.zeros((), np.float32)), build.constant("mask.low", lowest)
    )
    length = build("Shape", real, attributes={"start": 1, "end": 2})
    ones = build.constant("mask.ones", np.array([1, 1], np.int64))
    mask = build("Expand", shift, build("Concat", ones, length, length, attributes={"axis": 0}))
    mask.shape, mask.type = ir.Shape([BATCH, 1, SEQUENCE, SEQUENCE]), ir.TensorType(ir.DataType.FLOAT)
    return mask


def _merge_heads(graph: ir.Graph, node: ir.Node) -> None:
    """Take hidden states instead of heads, where that is what the reshapes around the node amount to."""
    sources = [_before_heads(value) for value in node.inputs[:3]]
    result = _after_heads(node.outputs[0])
    query, key = node.inputs[:2]
    if result is None or None in sources or query is None or key is None or query.shape is None or key.shape is None:
        return
    heads, size = query.shape[1], query.shape[3]
    if not isinstance(heads, int) or not isinstance(size, int) or not isinstance(key.shape[1], int):
        return
    attributes = {a.name: a.value for a in node.attributes.values() if a.name != OUTPUT_MODE}
    attributes |= {"q_num_heads": heads, "kv_num_heads": key.shape[1]}
    build = Builder(graph, f"{node.outputs[0].name}.merged", result)
    merged = build("Attention", *sources, *node.inputs[3:], attributes=attributes)
    merged.shape, merged.type = ir.Shape([BATCH, SEQUENCE, heads * size]), ir.TensorType(ir.DataType.FLOAT)
    replace(graph, result, merged)


def _before_heads(value: ir.Value | None) -> ir.Value | None:
    """Return the `[batch, sequence, hidden]` tensor that a Reshape and a Transpose made into heads."""
    transpose = value.producer() if value is not None else None
    if transpose is None or transpose.op_type != "Transpose" or _permutation(transpose) != HEADS_INNER:
        return None
    reshape = transpose.inputs[0].producer() if transpose.inputs[0] is not None else None
    return reshape.inputs[0] if reshape is not None and reshape.op_type == "Reshape" else None


def _after_heads(value: ir.Value) -> ir.Node | None:
    """Return the Reshape that, after a Transpose, ends in `[batch, sequence, hidden]`."""
    node = _only_user(value)
    if node is None or node.op_type != "Transpose" or _permutation(node) != HEADS_INNER:
        return None
    reshape = _only_user(node.outputs[0])
    return reshape if reshape is not None and reshape.op_type == "Reshape" else None


def _only_user(value: ir.Value) -> ir.Node | None:
    uses = list(value.uses())
    return uses[0].node if len(uses) == 1 else None


def _permutation(node: ir.Node) -> tuple[int, ...]:
    return tuple(node.attributes["perm"].as_ints())
