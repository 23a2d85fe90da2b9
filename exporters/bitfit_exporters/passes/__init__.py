"""Graph passes, in the order in which an export applies them. Each changes the graph in place."""

from bitfit_exporters.passes.attention import simplify_attention
from bitfit_exporters.passes.biases import expose_biases
from bitfit_exporters.passes.constants import let_constants_fold
from bitfit_exporters.passes.head import Pooler, attach_head
from bitfit_exporters.passes.positions import expand_rotations, spread_relative_positions
from bitfit_exporters.passes.quantize import quantize_embeddings, quantize_matmuls
from bitfit_exporters.passes.strip import strip
from bitfit_exporters.passes.weights import store_int4, store_int8

__all__ = [
    "Pooler",
    "attach_head",
    "expand_rotations",
    "expose_biases",
    "let_constants_fold",
    "quantize_embeddings",
    "quantize_matmuls",
    "simplify_attention",
    "spread_relative_positions",
    "store_int4",
    "store_int8",
    "strip",
]
