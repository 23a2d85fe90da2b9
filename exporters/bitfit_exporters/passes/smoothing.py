"""Static scales of activations, and smoothing: channels are brought to one size, so that one constant fits all of them.

The factors move into the weights (Xiao et al., 2023, SmoothQuant, arXiv:2211.10438): x W = (x f) (W / f). Biases are
untouched, since the factors come after them, right before the product.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import onnx_ir as ir
from onnx_ir.passes import InPlacePass, PassResult

from bitfit_exporters.passes.build import Builder, products

Float32 = npt.NDArray[np.float32]
# How much of the difference between channels goes into the weights; 0 leaves all of it to the activations.
SHARE = 0.75
# Biases that a task learns move activations beyond what the base's own reached.
HEADROOM = 1.25
MAX_CODE = 255
TINY = 1e-5


@dataclass(frozen=True, slots=True)
class ChannelRange:
    """The least and the greatest value that each channel of an activation took: `[channels]`, `[channels]`."""

    low: Float32
    high: Float32

    def union(self, other: "ChannelRange") -> "ChannelRange":
        """Return the range that holds both."""
        return ChannelRange(np.minimum(self.low, other.low), np.maximum(self.high, other.high))


@dataclass(frozen=True, slots=True)
class StaticScale:
    """The constants by which activations become codes: code = round(value × factor / scale) + zero point.

    `factors` `[channels]`, where there are any, belong to the values and, inverse, to the `weights` that multiply them.
    `name` is that of the first weight. Rounded so are the values of the names `data`; whatever else the weights
    multiply has the factors alone.
    """

    name: str
    weights: tuple[str, ...]
    data: frozenset[str]
    factors: Float32 | None
    scale: np.float32
    zero_point: np.uint8

    def rounded(self) -> frozenset[str]:
        """Return the names of the values that are rounded, once the factors are in the graph."""
        return self.data if self.factors is None else frozenset(map(smoothed_name, self.data))


class SmoothProducts(InPlacePass):
    """Multiply activations by the factors of static scales, and divide the weights by them.

    Before: `MatMul(x, w)`. After: `MatMul(Mul(x, factors), w / factors)`, the same but for rounding.
    """

    def __init__(self, scales: Iterable[StaticScale]) -> None:
        self._scales = {name: scale for scale in scales for name in scale.weights if scale.factors is not None}

    def call(self, model: ir.Model) -> PassResult:
        """Rewrite the products of the weights that have factors."""
        graph = model.graph
        smoothed: dict[ir.Value, ir.Value] = {}
        for data, weight, node in products(graph):
            scale = self._scales.get(str(weight.name))
            if scale is None or scale.factors is None:
                continue
            if data not in smoothed:
                build = Builder(graph, str(data.name), node)
                factors = build.constant(factors_of(scale.name), scale.factors)
                smoothed[data] = build("Mul", data, factors, name=smoothed_name(str(data.name)))
                smoothed[data].shape, smoothed[data].type = data.shape, data.type
            node.replace_input_with(0, smoothed[data])
        for name, scale in self._scales.items():
            if scale.factors is not None:
                divided = _array(graph, name) / scale.factors[:, None]
                graph.initializers[name].const_value = ir.tensor(divided, name=name)
        return PassResult(model, modified=bool(smoothed))


def static_scales(graph: ir.Graph, ranges: Mapping[str, ChannelRange]) -> tuple[StaticScale, ...]:
    """Return the scales of all products whose data have a range. Weights that meet the same data share one."""
    return tuple(_static_scale(graph, group, ranges) for group in _groups(graph, ranges))


def factors_of(name: str) -> str:
    """Return the name of the constant that holds the factors of a static scale."""
    return f"{name}.input_factors"


def scale_of(name: str) -> str:
    """Return the name of the constant that holds the scale itself."""
    return f"{name}.input_scale"


def zero_point_of(name: str) -> str:
    """Return the name of the constant that holds the zero point."""
    return f"{name}.input_zero_point"


def smoothed_name(data: str) -> str:
    """Return the name of an activation that was multiplied by its factors."""
    return f"{data}.smoothed"


@dataclass(frozen=True, slots=True)
class _Group:
    """Values and the weights that multiply them, by name, none of which occurs in another group."""

    data: frozenset[ir.Value]
    weights: tuple[str, ...]

    def with_range(self, ranges: Mapping[str, ChannelRange]) -> list[ir.Value]:
        """Return the values that `ranges` knows, in the order of their names."""
        return sorted((value for value in self.data if value.name in ranges), key=lambda value: str(value.name))


def _groups(graph: ir.Graph, ranges: Mapping[str, ChannelRange]) -> list[_Group]:
    groups: list[_Group] = []
    for data, weight, _ in products(graph):
        joined = _Group(frozenset({data}), (str(weight.name),))
        for group in [g for g in groups if g.data & joined.data or set(g.weights) & set(joined.weights)]:
            groups.remove(group)
            weights = tuple(dict.fromkeys((*group.weights, *joined.weights)))
            joined = _Group(group.data | joined.data, weights)
        groups.append(joined)
    return [group for group in groups if group.with_range(ranges)]


def _static_scale(graph: ir.Graph, group: _Group, ranges: Mapping[str, ChannelRange]) -> StaticScale:
    values = group.with_range(ranges)
    low = np.minimum(0, np.min([ranges[str(value.name)].low for value in values], axis=0))
    high = np.maximum(0, np.max([ranges[str(value.name)].high for value in values], axis=0))
    factors = None
    if not all(_is_average(value) for value in values):
        weights = [_array(graph, name) for name in group.weights]
        factors = (1 / _sizes(np.maximum(-low, high), weights)).astype(np.float32)
        low, high = low * factors, high * factors
    least = HEADROOM * low.min()
    scale = max((HEADROOM * high.max() - least) / MAX_CODE, TINY)
    zero_point = np.uint8(np.clip(np.rint(-least / scale), 0, MAX_CODE))
    names = frozenset(str(value.name) for value in values)
    return StaticScale(group.weights[0], group.weights, names, factors, np.float32(scale), zero_point)


def _is_average(value: ir.Value) -> bool:
    """Whether attention gave a value: its channels, averages over tokens, hardly differ in size."""
    producer = value.producer()
    return producer is not None and producer.op_type == "Attention"


def _sizes(reach: Float32, weights: list[Float32]) -> Float32:
    """Return by what channels are divided, `[channels]`: from how far they reach, and the weights `[channels, out]`."""
    heaviest = np.maximum(np.max([np.abs(weight).max(1) for weight in weights], axis=0), TINY)
    sizes = np.maximum(reach, TINY) ** SHARE / heaviest ** (1 - SHARE)
    found: Float32 = sizes / np.exp(np.log(sizes).mean())
    return found


def _array(graph: ir.Graph, name: str) -> Float32:
    tensor = graph.initializers[name].const_value
    assert tensor is not None
    array: Float32 = tensor.numpy()
    return array
