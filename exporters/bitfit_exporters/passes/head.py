"""Pooling of the hidden states, and the head that each task brings along."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import onnx_ir as ir
from onnx_ir.passes import InPlacePass, PassResult, PostconditionError, PreconditionError

from bitfit_exporters.passes.build import Builder, add_initializer, add_overridable, graph_input, require_inputs
from bitfit_runtime.graph import (
    ATTENTION_MASK,
    BATCH,
    HEAD_BIAS,
    HEAD_WEIGHT,
    LABELS,
    LAST_HIDDEN_STATE,
    LOGITS,
    OUTPUTS,
    POOLED,
    ROWS,
    SEQUENCE,
    TOKEN_LOGITS,
    TOKENS_READ,
)

Float32 = npt.NDArray[np.float32]
ALL = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True, eq=False)
class Pooler:
    """The dense layer of a pooler: its name, weight `[hidden, hidden]` and bias `[hidden]`, float32."""

    name: str
    weight: Float32
    bias: Float32


class AttachHead(InPlacePass):
    """Add `pooled`, `logits` and `token_logits` to the outputs, and the head of a task to the inputs.

    Before: the one output is `last_hidden_state` `[batch, sequence, hidden]`. After: the outputs are those of
    `bitfit_runtime.graph.OUTPUTS`; `head.weight` `[rows, hidden, labels]` and `head.bias` `[rows, 1, labels]` are
    inputs whose defaults are a head of one label, all zeros. `token_logits.tokens` `[1]` is an input too, by default
    all: ONNX Runtime computes outputs that nobody asks for.

    `pooling` is one of `bitfit_runtime.graph.POOLINGS`; `pooler` is given where it is `pooler`. Every operation gives a
    row the same bits whatever its batch-mates, padding and label count: sums run in a fixed order (`CumSum`, or over
    the hidden axis, whose length never changes).
    """

    def __init__(self, hidden_size: int, pooling: str, pooler: Pooler | None = None) -> None:
        self._hidden_size, self._pooling, self._pooler = hidden_size, pooling, pooler

    def requires(self, model: ir.Model) -> None:
        """The graph has one output and an attention mask."""
        if len(model.graph.outputs) != 1:
            raise PreconditionError(f"expected one output, the hidden states; found {len(model.graph.outputs)}")
        require_inputs(model.graph, ATTENTION_MASK)

    def call(self, model: ir.Model) -> PassResult:
        """Pool the hidden states, and multiply them with the head."""
        graph, size = model.graph, self._hidden_size
        hidden = graph.outputs[0]
        _declare(hidden, LAST_HIDDEN_STATE, BATCH, SEQUENCE, size)
        build = Builder(graph, "head")
        axis_1 = build.constant("head.axis_1", np.array([1], np.int64))
        axis_last = build.constant("head.axis_last", np.array([-1], np.int64))
        pooled = _mean(graph, hidden) if self._pooling == "mean" else _first_token(graph, hidden, self._pooler)
        weight = add_overridable(graph, HEAD_WEIGHT, np.zeros((1, size, 1), np.float32), [ROWS, size, LABELS])
        bias = add_overridable(graph, HEAD_BIAS, np.zeros((1, 1, 1), np.float32), [ROWS, 1, LABELS])
        by_label = build("Transpose", weight, attributes={"perm": [0, 2, 1]}, name="head.by_label")
        products = build("Mul", build("Unsqueeze", pooled, axis_1), by_label)
        sums = build("ReduceSum", products, axis_last, attributes={"keepdims": 0})
        logits = build("Add", sums, build("Squeeze", bias, axis_1))
        columns = build("Transpose", _tokens_read(build, graph, hidden), attributes={"perm": [0, 2, 1]})
        token_products = build("MatMul", by_label, columns)
        by_token = build("Transpose", token_products, attributes={"perm": [0, 2, 1]}, name="head.by_token")
        token_logits = build("Add", by_token, bias)
        _declare(pooled, POOLED, BATCH, size)
        _declare(logits, LOGITS, BATCH, LABELS)
        _declare(token_logits, TOKEN_LOGITS, BATCH, SEQUENCE, LABELS)
        graph.outputs.clear()
        graph.outputs.extend([logits, token_logits, hidden, pooled])
        return PassResult(model, modified=True)

    def ensures(self, model: ir.Model) -> None:
        """Outputs and head are those that the engine feeds and reads."""
        outputs = tuple(value.name for value in model.graph.outputs)
        if outputs != OUTPUTS:
            raise PostconditionError(f"expected the outputs {', '.join(OUTPUTS)}, found {outputs}")
        if not {HEAD_WEIGHT, HEAD_BIAS} <= {value.name for value in model.graph.inputs}:
            raise PostconditionError("the head is not among the inputs")


def _tokens_read(build: Builder, graph: ir.Graph, hidden: ir.Value) -> ir.Value:
    """Return the hidden states of as many tokens as token logits are wanted of."""
    count = add_overridable(graph, TOKENS_READ, np.array([ALL], np.int64), [1])
    first = build.constant("head.first", np.zeros(1, np.int64))
    return build("Slice", hidden, first, count, build.constant("head.axis_1", np.array([1], np.int64)))


def _declare(value: ir.Value, name: str, *shape: str | int) -> None:
    """Give an output of the graph its name and shape."""
    value.name, value.shape, value.type = name, ir.Shape(shape), ir.TensorType(ir.DataType.FLOAT)


def _mean(graph: ir.Graph, hidden: ir.Value) -> ir.Value:
    """Mean of the real tokens. ReduceSum over the sequence would group its terms by the padded length."""
    build = Builder(graph, "pool")
    mask = build("Cast", graph_input(graph, ATTENTION_MASK), attributes={"to": ir.DataType.FLOAT})
    weights = build("Unsqueeze", mask, build.constant("head.axis_last", np.array([-1], np.int64)))
    axis, last = build.constant("pool.axis", np.array(1, np.int64)), build.constant("pool.last", np.array(-1, np.int64))
    total = build("Gather", build("CumSum", build("Mul", hidden, weights), axis), last, attributes={"axis": 1})
    axes = build.constant("head.axis_1", np.array([1], np.int64))
    return build("Div", total, build("ReduceSum", mask, axes, attributes={"keepdims": 1}))


def _first_token(graph: ir.Graph, hidden: ir.Value, pooler: Pooler | None) -> ir.Value:
    build = Builder(graph, "pool")
    if pooler is None:
        first = build.constant("pool.first", np.array(0, np.int64))
        return build("Gather", hidden, first, attributes={"axis": 1})
    first = build.constant("pool.first", np.array([0], np.int64))
    token = build("Gather", hidden, first, attributes={"axis": 1})
    dense = build("MatMul", token, add_initializer(graph, f"{pooler.name}.weight", pooler.weight.T))
    default = pooler.bias.reshape(1, 1, -1)
    biased = build("Add", dense, add_overridable(graph, f"{pooler.name}.bias", default, [ROWS, 1, pooler.bias.size]))
    axis_1 = build.constant("head.axis_1", np.array([1], np.int64))
    return build("Squeeze", build("Tanh", biased), axis_1)
