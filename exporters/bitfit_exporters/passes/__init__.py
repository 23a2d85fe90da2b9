"""Graph passes, in the order in which an export applies them. Each changes the graph in place."""

from bitfit_exporters.passes.attention import simplify_attention
from bitfit_exporters.passes.biases import expose_biases
from bitfit_exporters.passes.head import attach_head
from bitfit_exporters.passes.quantize import quantize_embeddings, quantize_matmuls
from bitfit_exporters.passes.strip import strip

__all__ = ["attach_head", "expose_biases", "quantize_embeddings", "quantize_matmuls", "simplify_attention", "strip"]
