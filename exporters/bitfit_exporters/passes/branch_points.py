"""Branch points: layers below which rows may branch, so that many rows share what lies below."""

import re
from collections.abc import Sequence

import numpy as np
import onnx_ir as ir
from onnx_ir.passes import InPlacePass, PassResult, PostconditionError, PreconditionError

from bitfit_exporters.errors import CaptureError
from bitfit_exporters.families import Family
from bitfit_exporters.passes.build import Builder, add_overridable, graph_input, require_inputs
from bitfit_runtime.graph import BATCH, HEAD_BIAS, HEAD_WEIGHT, INPUT_IDS, OUTPUTS, ROWS, branch_input

PARAMETERS = (".weight", ".bias")
FAR = 1 << 40  # rows that no batch has
DIMENSION_OF_LEVEL = re.compile(rf"\b({BATCH}|{ROWS})\b(?!\.)")


class AddBranchPoints(InPlacePass):
    """Let rows branch below the layers `points`, which ascend.

    Before: every value has the batch of the tokens. After: for each layer N of `points`, what acts from N on has a
    batch of its own, `batch.N`, whose rows continue those rows of the level below that the int64 input `branch.N`
    `[batch.N]` names; biases from there on have `rows.N` rows, 1 or that many. The default of `branch.N`, no index, is
    the identity. Whatever has a batch axis is gathered where it enters a level; what only counts rows is computed anew.
    """

    def __init__(self, family: Family, points: Sequence[int]) -> None:
        self._family, self._points = family, tuple(points)

    def requires(self, model: ir.Model) -> None:
        """The head is attached, since outputs belong to the last level."""
        require_inputs(model.graph, INPUT_IDS, HEAD_WEIGHT)
        if tuple(value.name for value in model.graph.outputs) != OUTPUTS:
            raise PreconditionError("the head is not attached yet")

    def call(self, model: ir.Model) -> PassResult:
        """Cut the graph into levels, and let what crosses from one to the next follow the rows."""
        if not self._points:
            return PassResult(model, modified=False)
        graph = model.graph
        nodes, levels = list(graph), _levels(graph, self._family, self._points)
        crossing = _Crossing(graph, levels, self._points)
        for node in nodes:
            level = levels[node.outputs[0]]
            for index, value in enumerate(node.inputs):
                if value is not None:
                    node.replace_input_with(index, crossing.carry(value, level, node))
        _carry_outputs(graph, crossing, len(self._points))
        for value, level in levels.items():
            if level:
                _rename_dimensions(value, self._points[level - 1])
        return PassResult(model, modified=True)

    def ensures(self, model: ir.Model) -> None:
        """Every branch point is an input."""
        present = {value.name for value in model.graph.inputs}
        missing = [name for name in map(branch_input, self._points) if name not in present]
        if missing:
            raise PostconditionError(f"{missing[0]} is not among the inputs")


def _levels(graph: ir.Graph, family: Family, points: Sequence[int]) -> dict[ir.Value, int]:
    """Return for every value how many points lie below it: as many as below any parameter that it depends on."""
    levels: dict[ir.Value, int] = {}
    for value in (*graph.inputs, *graph.initializers.values()):
        name = str(value.name)
        if name in (HEAD_WEIGHT, HEAD_BIAS):
            levels[value] = len(points)
        else:
            levels[value] = sum(not family.below(name, point) for point in points) if name.endswith(PARAMETERS) else 0
    for node in graph:
        level = max((levels[value] for value in node.inputs if value is not None), default=0)
        levels |= dict.fromkeys(node.outputs, level)
    return levels


class _Crossing:
    """Makes of a value of one level what stands for it in a higher one, once."""

    def __init__(self, graph: ir.Graph, levels: dict[ir.Value, int], points: Sequence[int]) -> None:
        self._graph, self._levels, self._points = graph, levels, points
        self._by_row = _values_by_row(graph)
        self._rows = _indices(graph, points)  # of level i at i - 1
        self._carried: dict[tuple[ir.Value, int], ir.Value] = {}

    def carry(self, value: ir.Value, level: int, before: ir.Node | None) -> ir.Value:
        """Return `value` for the rows of `level`; what it takes is inserted before a node, or at the end."""
        if value not in self._by_row or self._levels[value] >= level:
            return value
        if (value, level) not in self._carried:
            self._carried[value, level] = self._follow(value, level, before)
        return self._carried[value, level]

    def _follow(self, value: ir.Value, level: int, before: ir.Node | None) -> ir.Value:
        build = Builder(self._graph, f"{value.name}.{self._points[level - 1]}", before)
        leading = str(value.shape[0]) if value.shape else None
        if leading == ROWS:
            return self.carry(self._expanded(value, build), level, before)
        if leading == BATCH:
            followed = build("Gather", self.carry(value, level - 1, before), self._rows[level - 1])
        else:
            followed = self._computed_anew(value, level, before, build)
        return self._add(followed, value, level)

    def _add(self, added: ir.Value, like: ir.Value, level: int) -> ir.Value:
        added.shape, added.type = like.shape and like.shape.copy(), like.type
        self._levels[added] = level
        self._by_row.add(added)
        return added

    def _expanded(self, bias: ir.Value, build: Builder) -> ir.Value:
        """Give a bias of 1 row or the batch, which meets several levels, as many rows as its own level has."""
        level = self._levels[bias]
        rows = self._rows[level - 1] if level else graph_input(self._graph, INPUT_IDS)
        assert bias.shape is not None
        ones = build.constant(f"branch.ones.{len(bias.shape) - 1}", np.ones(len(bias.shape) - 1, np.int64))
        count = build("Shape", rows, attributes={"start": 0, "end": 1})
        expanded = self._add(build("Expand", bias, build("Concat", count, ones, attributes={"axis": 0})), bias, level)
        expanded.shape = ir.Shape([BATCH, *bias.shape[1:]])
        return expanded

    def _computed_anew(self, value: ir.Value, level: int, before: ir.Node | None, build: Builder) -> ir.Value:
        """Copy the node of a value without a batch axis of its own, such as a shape, for the rows of a level."""
        node = value.producer()
        if node is None or len(node.outputs) != 1 or any(str(v.name).endswith(PARAMETERS) for v in node.inputs if v):
            raise CaptureError(f"{value.name} cannot follow rows that branch; export with `branch_points` empty")
        attributes = {attribute.name: attribute.value for attribute in node.attributes.values()}
        if _counts_rows(node):
            return build("Shape", self._rows[level - 1], attributes=attributes)
        inputs = [self.carry(v, level, before) if v is not None else None for v in node.inputs]
        return build(node.op_type, *inputs, domain=node.domain, attributes=attributes)


def _values_by_row(graph: ir.Graph) -> set[ir.Value]:
    """Return the values that depend on rows, be it only on their number."""
    found = {value for value in graph.inputs if value.shape and value.shape[0] in (BATCH, ROWS)}
    for node in graph:
        counts_others = node.op_type == "Shape" and "start" in node.attributes and node.attributes["start"].as_int() > 0
        if not counts_others and any(value in found for value in node.inputs):
            found |= set(node.outputs)
    return found


def _counts_rows(node: ir.Node) -> bool:
    """Tell whether a node gives the batch, `[1]`."""
    shape = node.inputs[0].shape if node.op_type == "Shape" and node.inputs[0] is not None else None
    end = node.attributes["end"].as_int() if "end" in node.attributes else 0
    return shape is not None and shape[0] == BATCH and end == 1


def _indices(graph: ir.Graph, points: Sequence[int]) -> list[ir.Value]:
    """Add the branch inputs, and return for each the row of the level below that each row continues, `[batch.N]`.

    Behind what an input holds comes a `Range` of the rows below, which any index at all makes begin past its end.
    """
    first = next(iter(graph))
    build = Builder(graph, "branch", first)
    far, one = (build.constant(f"branch.{n}", np.array(v, np.int64)) for n, v in (("far", FAR), ("one", 1)))
    below = build("Squeeze", build("Shape", graph_input(graph, INPUT_IDS), attributes={"start": 0, "end": 1}))
    indices = []
    for point in points:
        given = add_overridable(graph, branch_input(point), np.zeros(0, np.int64), [f"{BATCH}.{point}"])
        build = Builder(graph, branch_input(point), first)
        every = build("Range", build("Mul", build("Size", given), far), below, one)
        indices.append(build("Concat", given, every, attributes={"axis": 0}))
        below = build("Size", indices[-1], name=f"{branch_input(point)}.rows")
    return indices


def _carry_outputs(graph: ir.Graph, crossing: _Crossing, level: int) -> None:
    """Let the outputs belong to the last level."""
    for index, output in enumerate(graph.outputs):
        carried = crossing.carry(output, level, None)
        if carried is not output:
            carried.name, output.name = output.name, f"{output.name}.below"
            graph.outputs[index] = carried


def _rename_dimensions(value: ir.Value, point: int) -> None:
    """Give rows and batch the names of their level."""
    if value.shape is not None:
        value.shape = ir.Shape(
            [
                size if isinstance(size, int) else DIMENSION_OF_LEVEL.sub(rf"\1.{point}", str(size))
                for size in value.shape
            ]
        )
