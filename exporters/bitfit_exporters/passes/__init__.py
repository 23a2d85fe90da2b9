"""Passes over the graph, in the order in which an export runs them. Each changes the graph in place.

A pass is an `onnx_ir.passes.InPlacePass`: its options go to the constructor, its docstring says what it makes of what,
`requires` and `ensures` check what they can of that before and after it runs.
"""

from collections.abc import Iterable, Sequence

import onnx_ir as ir
from onnx_ir.passes import InPlacePass, InvariantError

from bitfit_exporters.checkpoint import Checkpoint
from bitfit_exporters.errors import CaptureError
from bitfit_exporters.passes.attention import SimplifyAttention
from bitfit_exporters.passes.biases import ExposeBiases
from bitfit_exporters.passes.branch_points import AddBranchPoints
from bitfit_exporters.passes.canonical import SortNodes, Strip
from bitfit_exporters.passes.constants import MakeConstantsFoldable
from bitfit_exporters.passes.head import AttachHead, Pooler
from bitfit_exporters.passes.positions import ExpandRotations, SpreadRelativePositions
from bitfit_exporters.passes.quantize import QuantizeEmbeddings, QuantizeMatmuls
from bitfit_exporters.passes.smoothing import SmoothProducts, StaticScale
from bitfit_exporters.passes.weights import Store, store_int4, store_int8

__all__ = [
    "AddBranchPoints",
    "AttachHead",
    "ExpandRotations",
    "ExposeBiases",
    "MakeConstantsFoldable",
    "Pooler",
    "QuantizeEmbeddings",
    "QuantizeMatmuls",
    "SimplifyAttention",
    "SmoothProducts",
    "SortNodes",
    "SpreadRelativePositions",
    "StaticScale",
    "Store",
    "Strip",
    "final_passes",
    "float_passes",
    "quantization_passes",
    "run_passes",
    "store_int4",
    "store_int8",
]

Passes = tuple[InPlacePass, ...]
STORES: dict[str, Store] = {"int8": store_int8, "int4": store_int4}


def float_passes(checkpoint: Checkpoint, branches: tuple[int, ...] = ()) -> Passes:
    """Return what makes biases and head inputs, and lets rows branch below the layers `branches`.

    The graph after them differs from torch by rounding alone.
    """
    return (
        SimplifyAttention(checkpoint.max_length),
        ExposeBiases(checkpoint.family),
        ExpandRotations(),
        SpreadRelativePositions(),
        AttachHead(checkpoint.hidden_size, checkpoint.pooling, _pooler(checkpoint)),
        AddBranchPoints(checkpoint.family, branches),
    )


def quantization_passes(precision: str, scales: Sequence[StaticScale] = ()) -> Passes:
    """Return what stores weights as `precision` says and multiplies integers: nothing for `fp32`.

    Activations that have a static scale are rounded by it, the others row by row.
    """
    if precision not in STORES:
        return ()
    store, by_data = STORES[precision], {data: scale for scale in scales for data in scale.rounded()}
    smooth = (SmoothProducts(scales),) if scales else ()
    return (*smooth, QuantizeMatmuls(store, by_data), QuantizeEmbeddings(store), MakeConstantsFoldable())


def final_passes() -> Passes:
    """Return what brings any graph into its canonical form."""
    return (SortNodes(), Strip())


def run_passes(model: ir.Model, passes: Iterable[InPlacePass]) -> None:
    """Apply passes to a model, in their order. Raises CaptureError where the condition of one does not hold."""
    for graph_pass in passes:
        try:
            graph_pass(model)
        except InvariantError as error:
            raise CaptureError(f"{error} ({type(graph_pass).__name__})") from error


def _pooler(checkpoint: Checkpoint) -> Pooler | None:
    name = checkpoint.family.pooler
    if checkpoint.pooling != "pooler" or name is None:
        return None
    state = checkpoint.model.state_dict()
    return Pooler(name, state[f"{name}.weight"].numpy().copy(), state[f"{name}.bias"].numpy().copy())
