"""Families of encoders: what differs between those that can be exported."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bitfit_runtime.formats.manifest import ABOVE_LAYERS

Terms = tuple[tuple[str, str], ...]

_BERT = {
    "q": r"attention\.self\.query",
    "k": r"attention\.self\.key",
    "v": r"attention\.self\.value",
    "m1": r"attention\.output\.dense",
    "LN1": r"attention\.output\.LayerNorm",
    "m2": r"intermediate\.dense",
    "m3": r"output\.dense",
    "LN2": r"output\.LayerNorm",
}
_LLAMA = {
    "q": r"self_attn\.q_proj",
    "k": r"self_attn\.k_proj",
    "v": r"self_attn\.v_proj",
    "m1": r"self_attn\.o_proj",
    "m2": r"mlp\.gate_proj|mlp\.up_proj",
    "m3": r"mlp\.down_proj",
}
# The number of the layer, or of the group of layers that share their parameters, in a parameter's name.
_LAYER = re.compile(r"(?:^|\.)(?:layers?|albert_layer_groups)\.(\d+)\.")
_OUTSIDE = {"embeddings": r"embeddings\.LayerNorm|embeddings_project", "pooler": r"pooler\.dense"}


def _terms(
    inside: Mapping[str, str], outside: Mapping[str, str] = _OUTSIDE, layer: str = r"encoder\.layer\.(\d+)"
) -> Terms:
    """Return (pattern, term) of every module: those within a numbered layer, then those outside the layers."""
    numbered = tuple((rf"{layer}\.(?:{path})", term) for term, path in inside.items())
    return numbered + tuple((path, term) for term, path in outside.items())


@dataclass(frozen=True, slots=True)
class Family:
    """One encoder family.

    `terms` maps modules to the paper's bias names (Ben Zaken et al., 2021). `reserved_positions` is how many rows of
    the position table no token can take; with `positions_after_padding` they are those up to the padding id. `pooler`
    names the dense layer of the pooler, None where there is none; `pooling` is the default: `pooler` only where it is
    pretrained.
    """

    terms: Terms
    reserved_positions: int = 0
    positions_after_padding: bool = False
    pooler: str | None = "pooler.dense"
    pooling: str = "mean"

    def positions(self, config: Any) -> int:
        """Return how many tokens a model of this transformers configuration has positions for."""
        reserved = config.pad_token_id + 1 if self.positions_after_padding else self.reserved_positions
        return int(config.max_position_embeddings) - int(reserved)

    def term(self, bias: str) -> tuple[str, int] | None:
        """Return the term and the layer (-1 outside the layers) of a bias by its parameter name, None if unknown."""
        for pattern, term in self.terms:
            if match := re.fullmatch(rf"(?:{pattern})\.bias", bias):
                return term, int(match[1]) if match.groups() else -1
        return None

    def below(self, parameter: str, layer: int) -> bool:
        """Whether a parameter acts below encoder layer `layer`: on what the layer receives."""
        if match := _LAYER.search(parameter):
            return int(match[1]) < layer
        term, _ = self.term(f"{parameter.rpartition('.')[0]}.bias") or ("", -1)
        return term not in ABOVE_LAYERS

    def layers(self, parameters: Iterable[str]) -> int:
        """Return how many encoder layers have these parameters, layers that share them being one."""
        return max((int(match[1]) for name in parameters if (match := _LAYER.search(name))), default=-1) + 1


FAMILIES = {
    "bert": Family(_terms(_BERT)),
    "roberta": Family(_terms(_BERT), positions_after_padding=True),
    "xlm-roberta": Family(_terms(_BERT), positions_after_padding=True),
    "camembert": Family(_terms(_BERT), positions_after_padding=True),
    "xlm-roberta-xl": Family(
        _terms(
            {**_BERT, "LN1": r"attention\.self_attn_layer_norm", "LN2": "LayerNorm"},
            {"final": r"encoder\.LayerNorm", "pooler": r"pooler\.dense"},
        ),
        positions_after_padding=True,
    ),
    "ernie": Family(_terms(_BERT)),
    "electra": Family(_terms(_BERT), pooler=None),
    "roformer": Family(_terms(_BERT), pooler=None),
    "distilbert": Family(
        _terms(
            {
                "q": r"attention\.q_lin",
                "k": r"attention\.k_lin",
                "v": r"attention\.v_lin",
                "m1": r"attention\.out_lin",
                "LN1": "sa_layer_norm",
                "m2": r"ffn\.lin1",
                "m3": r"ffn\.lin2",
                "LN2": "output_layer_norm",
            },
            {"embeddings": r"embeddings\.LayerNorm"},
            layer=r"transformer\.layer\.(\d+)",
        ),
        pooler=None,
    ),
    "mpnet": Family(
        _terms(
            _BERT
            | {
                "q": r"attention\.attn\.q",
                "k": r"attention\.attn\.k",
                "v": r"attention\.attn\.v",
                "m1": r"attention\.attn\.o",
                "LN1": r"attention\.LayerNorm",
            }
        ),
        reserved_positions=2,
    ),
    # Layers of a group share their parameters, so a group counts as one layer.
    "albert": Family(
        _terms(
            {
                "q": r"attention\.query",
                "k": r"attention\.key",
                "v": r"attention\.value",
                "m1": r"attention\.dense",
                "LN1": r"attention\.LayerNorm",
                "m2": "ffn",
                "m3": "ffn_output",
                "LN2": "full_layer_layer_norm",
            },
            {"embeddings": r"embeddings\.LayerNorm|encoder\.embedding_hidden_mapping_in", "pooler": "pooler"},
            layer=r"encoder\.albert_layer_groups\.(\d+)\.albert_layers\.0",
        ),
        pooler="pooler",
    ),
    "deberta-v2": Family(
        _terms(
            _BERT
            | {
                "q": r"attention\.self\.query_proj",
                "k": r"attention\.self\.key_proj",
                "v": r"attention\.self\.value_proj",
            },
            {"embeddings": r"embeddings\.LayerNorm|embeddings\.embed_proj|encoder\.LayerNorm"},
        ),
        pooler=None,
    ),
    "mobilebert": Family(
        _terms(
            _BERT
            | {
                "m2": r"intermediate\.dense|ffn\.\d+\.intermediate\.dense",
                "m3": r"output\.dense|ffn\.\d+\.output\.dense",
                "LN2": r"output\.LayerNorm|ffn\.\d+\.output\.LayerNorm",
                "bottleneck": r"(?:bottleneck\.input|bottleneck\.attention|output\.bottleneck)\.(?:dense|LayerNorm)",
            },
            {"embeddings": r"embeddings\.LayerNorm|embeddings\.embedding_transformation"},
        ),
        pooler=None,
    ),
    "modernbert": Family(
        _terms(
            {
                "qkv": r"attn\.Wqkv",
                "m1": r"attn\.Wo",
                "LN1": "attn_norm",
                "m2": r"mlp\.Wi",
                "m3": r"mlp\.Wo",
                "LN2": "mlp_norm",
            },
            {"embeddings": r"embeddings\.norm", "final": "final_norm"},
            layer=r"layers\.(\d+)",
        ),
        pooler=None,
    ),
    "nomic_bert": Family(
        _terms(
            _LLAMA | {"LN1": "post_attention_layernorm", "LN2": "post_mlp_layernorm"},
            {"embeddings": r"embeddings\.LayerNorm"},
            layer=r"layers\.(\d+)",
        ),
        pooler=None,
    ),
    "eurobert": Family(_terms(_LLAMA, {}, layer=r"layers\.(\d+)"), pooler=None),
}
_REFUSED = {
    "deberta": "its query and value biases are not biases of linear layers; deberta-v2 and -v3 are supported",
    "big_bird": "its sparse attention cannot be captured for any length",
    "longformer": "its windowed attention cannot be captured for any length",
}


def refusal(config: Any) -> str | None:
    """Return why an encoder with this transformers configuration cannot be exported, None if it can."""
    architecture = config.model_type
    if architecture not in FAMILIES:
        reason = _REFUSED.get(architecture, f"supported types: {', '.join(FAMILIES)}")
        return f"is of type {architecture!r}; {reason}"
    if architecture == "deberta-v2":
        if (getattr(config, "conv_kernel_size", 0) or 0) > 0:
            return "has a convolution (as deberta-v2-xlarge has), whose bias is not added after a product"
        if not (config.relative_attention and config.share_att_key and "layer_norm" in str(config.norm_rel_ebd)):
            return "lacks normalized relative positions that share the keys' layers, as DeBERTa-v2 and -v3 have them"
    return None
