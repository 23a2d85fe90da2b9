"""Pool the hidden states and attach the head that each task brings along."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from bitfit_exporters.passes.build import Builder, add_initializer, add_overridable, graph_input
from bitfit_runtime.graph import (
    ATTENTION_MASK,
    BATCH,
    HEAD_BIAS,
    HEAD_WEIGHT,
    LABELS,
    LAST_HIDDEN_STATE,
    LOGITS,
    POOLED,
    ROWS,
    SEQUENCE,
    TOKEN_LOGITS,
)

Float32 = npt.NDArray[np.float32]


class Pooler(NamedTuple):
    """The dense layer of a pooler: its name, weight `[hidden, hidden]` and bias `[hidden]`."""

    name: str
    weight: Float32
    bias: Float32


def attach_head(graph: ir.Graph, hidden_size: int, pooling: str, pooler: Pooler | None) -> None:
    """Add `pooled`, `logits` and `token_logits` to a graph whose one output is `last_hidden_state`.

    `pooler` is given where pooling is `pooler`.
    Every operation gives a row the same bits whatever its batch-mates, padding and label count: sums run in a fixed
    order (`CumSum`, or over the hidden axis, whose length never changes).
    """
    hidden = graph.outputs[0]
    hidden.name = LAST_HIDDEN_STATE
    hidden.shape = ir.Shape([BATCH, SEQUENCE, hidden_size])
    build = Builder(graph, "head")
    axis_1 = build.constant("head.axis_1", np.array([1], np.int64))
    axis_last = build.constant("head.axis_last", np.array([-1], np.int64))
    pooled = _mean(graph, hidden) if pooling == "mean" else _first_token(graph, hidden, pooler)
    weight = add_overridable(graph, HEAD_WEIGHT, np.zeros((1, hidden_size, 1), np.float32), [ROWS, hidden_size, LABELS])
    bias = add_overridable(graph, HEAD_BIAS, np.zeros((1, 1, 1), np.float32), [ROWS, 1, LABELS])
    by_label = build("Transpose", weight, attributes={"perm": [0, 2, 1]}, name="head.by_label")
    products = build("Mul", build("Unsqueeze", pooled, axis_1), by_label)
    sums = build("ReduceSum", products, axis_last, attributes={"keepdims": 0})
    logits = build("Add", sums, build("Squeeze", bias, axis_1), name=LOGITS)
    columns = build("Transpose", hidden, attributes={"perm": [0, 2, 1]}, name="head.columns")
    by_token = build(
        "Transpose", build("MatMul", by_label, columns), attributes={"perm": [0, 2, 1]}, name="head.by_token"
    )
    token_logits = build("Add", by_token, bias, name=TOKEN_LOGITS)
    shapes: list[tuple[ir.Value, list[str | int]]] = [
        (logits, [BATCH, LABELS]),
        (token_logits, [BATCH, SEQUENCE, LABELS]),
        (hidden, [BATCH, SEQUENCE, hidden_size]),
        (pooled, [BATCH, hidden_size]),
    ]
    for value, shape in shapes:
        value.shape, value.type = ir.Shape(shape), ir.TensorType(ir.DataType.FLOAT)
    graph.outputs.clear()
    graph.outputs.extend([logits, token_logits, hidden, pooled])


def _mean(graph: ir.Graph, hidden: ir.Value) -> ir.Value:
    """Mean of the real tokens. ReduceSum over the sequence would group its terms by the padded length."""
    build = Builder(graph, "pool")
    mask = build("Cast", graph_input(graph, ATTENTION_MASK), attributes={"to": ir.DataType.FLOAT})
    weights = build("Unsqueeze", mask, build.constant("head.axis_last", np.array([-1], np.int64)))
    axis, last = build.constant("pool.axis", np.array(1, np.int64)), build.constant("pool.last", np.array(-1, np.int64))
    total = build("Gather", build("CumSum", build("Mul", hidden, weights), axis), last, attributes={"axis": 1})
    axes = build.constant("head.axis_1", np.array([1], np.int64))
    return build("Div", total, build("ReduceSum", mask, axes, attributes={"keepdims": 1}), name=POOLED)


def _first_token(graph: ir.Graph, hidden: ir.Value, pooler: Pooler | None) -> ir.Value:
    build = Builder(graph, "pool")
    if pooler is None:
        first = build.constant("pool.first", np.array(0, np.int64))
        return build("Gather", hidden, first, attributes={"axis": 1}, name=POOLED)
    first = build.constant("pool.first", np.array([0], np.int64))
    token = build("Gather", hidden, first, attributes={"axis": 1})
    dense = build("MatMul", token, add_initializer(graph, f"{pooler.name}.weight", pooler.weight.T))
    default = pooler.bias.reshape(1, 1, -1)
    moved = build("Add", dense, add_overridable(graph, f"{pooler.name}.bias", default, [ROWS, 1, pooler.bias.size]))
    axis_1 = build.constant("head.axis_1", np.array([1], np.int64))
    return build("Squeeze", build("Tanh", moved), axis_1, name=POOLED)
