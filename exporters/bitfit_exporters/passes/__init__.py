"""Passes over the graph, each of which changes it in place.

A pass is an `onnx_ir.passes.InPlacePass`: its options go to the constructor, `requires` and `ensures` check what holds
before and after it. `sequence` has them in the order in which an export runs them.
"""

from bitfit_exporters.passes.attention import SimplifyAttention
from bitfit_exporters.passes.biases import ExposeBiases
from bitfit_exporters.passes.canonical import SortNodes, Strip
from bitfit_exporters.passes.constants import MakeConstantsFoldable
from bitfit_exporters.passes.head import AttachHead, Pooler
from bitfit_exporters.passes.positions import ExpandRotations, SpreadRelativePositions
from bitfit_exporters.passes.quantize import QuantizeEmbeddings, QuantizeMatmuls
from bitfit_exporters.passes.sequence import final_passes, float_passes, quantization_passes, run_passes
from bitfit_exporters.passes.weights import Store, store_int4, store_int8

__all__ = [
    "AttachHead",
    "ExpandRotations",
    "ExposeBiases",
    "MakeConstantsFoldable",
    "Pooler",
    "QuantizeEmbeddings",
    "QuantizeMatmuls",
    "SimplifyAttention",
    "SortNodes",
    "SpreadRelativePositions",
    "Store",
    "Strip",
    "final_passes",
    "float_passes",
    "quantization_passes",
    "run_passes",
    "store_int4",
    "store_int8",
]
